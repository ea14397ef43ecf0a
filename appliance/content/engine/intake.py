"""Taking content in: read, cut, name, claim, compress, seal, on two threads with flat memory.

Segments of 16 MiB go to the workers over a bounded window and their results are put into the recipe in order.
Everything a batch takes in becomes visible together, when its last pack is published and its recipes are
registered. A batch that fails leaves whole packs behind; the next attempt finds their chunks and stores them
no second time.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import mmap
import os
import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from appliance.content.engine.lanes import Claim, Lane, Ledger
from appliance.content.errors import ContentChanged, SourceUnreadable
from sealing.content.ids import MIB, SEGMENT_BYTES, ChunkNamer, ChunkType, Cutter
from sealing.content.recipe import RecipeWriter

WORKERS: Final = 2
WINDOW: Final = 4  # segments handed out and not yet in the recipe
_POLL_SECONDS: Final = 0.5  # how often a waiting batch asks whether it was cancelled
_LOOSE: Final = 4096  # claims kept before they are folded into pack rows

Progress = Callable[[int, int], object]
Check = Callable[[], object]


def no_progress(done: int, total: int) -> None:
    """Nobody watches."""


def no_check() -> None:
    """Nobody cancels."""


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Put:
    """What became of an object. `new_bytes` of its content were not in the store before."""

    recipe: str
    size: int
    data_size: int
    new_bytes: int
    stored_bytes: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of data: `hole` bytes of hole before it; `load` gives its bytes, into the buffer if it wants."""

    hole: int
    length: int
    load: Callable[[memoryview], memoryview]


@dataclass(slots=True)
class _Result:
    chunks: list[tuple[bytes, int]]
    claims: set[Claim]


class ObjectIntake:
    """One object on its way in."""

    def __init__(self, ledger: Ledger, lanes: list[Lane], namer: ChunkNamer) -> None:
        self._ledger: Final = ledger
        self._lanes: Final = lanes
        self._namer: Final = namer
        self._recipe: Final = RecipeWriter(self._store_metadata)
        self._rows: set[int] = set()
        self._loose: set[Claim] = set()

    def take(
        self,
        segments: Iterator[Segment],
        total: int,
        tail_hole: Callable[[], int],
        progress: Progress,
        check: Check,
    ) -> tuple[bytes, RecipeWriter]:
        """Run the segments through the workers; returns the recipe's id and its writer (for the sizes)."""
        with contextlib.closing(self._results(segments, check)) as results:
            for hole, result in results:
                self._recipe.hole(hole)
                for chunk_id, length in result.chunks:
                    self._recipe.chunk(chunk_id, length)
                self._keep(result.claims)
                progress(self._recipe.data_size, total)
        self._recipe.hole(tail_hole())
        return self._recipe.finish(), self._recipe

    def pack_rows(self) -> set[int]:
        """Rows of all packs this object needs; only after the lanes were flushed."""
        self._fold()
        if self._loose:
            raise AssertionError("a chunk of the recipe was never published")
        return self._rows

    def _results(
        self, segments: Iterator[Segment], check: Check
    ) -> Generator[tuple[int, _Result], None, None]:
        check()
        first = next(segments, None)
        if first is None:
            return
        second = next(segments, None)
        if second is None:
            # One segment: no threads, one pack.
            worker = _Worker(self._ledger, self._lanes[0], self._namer)
            yield first.hole, worker.work(first)
            return
        yield from _Crew(self._ledger, self._lanes, self._namer).run(_chain(first, second, segments), check)

    def _store_metadata(self, kind: ChunkType, data: bytes) -> bytes:
        chunk_id = self._namer.name(kind, data)
        fresh, claims = self._ledger.claim([chunk_id])
        if fresh:
            self._lanes[0].store(kind, chunk_id, data)
        self._keep(claims)
        return chunk_id

    def _keep(self, claims: set[Claim]) -> None:
        self._loose |= claims
        if len(self._loose) > _LOOSE:
            self._fold()

    def _fold(self) -> None:
        self._rows.update(claim.row for claim in self._loose if claim.row is not None)
        self._loose = {claim for claim in self._loose if claim.row is None}


class _Worker:
    """Cuts, names, claims and stores segments. One for each thread."""

    def __init__(self, ledger: Ledger, lane: Lane, namer: ChunkNamer) -> None:
        self._ledger: Final = ledger
        self._lane: Final = lane
        self._namer: Final = namer
        self._cutter: Final[Cutter] = namer.cutter()
        self._buffer: memoryview | None = None

    def work(self, segment: Segment) -> _Result:
        if self._buffer is None:
            # Mapped, not allocated: it goes back to the system with its last view, whereas an allocator keeps
            # blocks of this size for the next job of a process that lives long.
            self._buffer = memoryview(mmap.mmap(-1, SEGMENT_BYTES))
        data = segment.load(self._buffer[: segment.length])
        chunks: list[tuple[bytes, int]] = []
        views: dict[bytes, memoryview] = {}
        offset = 0
        for length in self._cutter.cut(data):
            view = data[offset : offset + length]
            chunk_id = self._namer.name(ChunkType.CONTENT, view)
            chunks.append((chunk_id, length))
            views[chunk_id] = view
            offset += length
        fresh, claims = self._ledger.claim(views)
        for chunk_id, view in views.items():
            if chunk_id in fresh:
                self._lane.store(ChunkType.CONTENT, chunk_id, view)
        return _Result(chunks, claims)


class _Crew:
    """Two workers, a bounded window, results in order."""

    def __init__(self, ledger: Ledger, lanes: list[Lane], namer: ChunkNamer) -> None:
        self._tasks: Final[queue.SimpleQueue[tuple[int, Segment] | None]] = queue.SimpleQueue()
        self._done: Final[queue.SimpleQueue[tuple[int, _Result | BaseException]]] = queue.SimpleQueue()
        self._stop = False
        self._threads: Final = [
            threading.Thread(
                target=self._serve, args=(_Worker(ledger, lane, namer),), name=f"intake-{n}", daemon=True
            )
            for n, lane in enumerate(lanes[:WORKERS])
        ]

    def run(self, segments: Iterator[Segment], check: Check) -> Generator[tuple[int, _Result], None, None]:
        holes: dict[int, int] = {}
        ready: dict[int, _Result] = {}
        handed = taken = 0
        more = True
        for thread in self._threads:
            thread.start()
        try:
            while more or taken < handed:
                while more and handed - taken < WINDOW:
                    segment = next(segments, None)
                    if segment is None:
                        more = False
                        break
                    holes[handed] = segment.hole
                    self._tasks.put((handed, segment))
                    handed += 1
                if taken in ready:
                    yield holes.pop(taken), ready.pop(taken)
                    taken += 1
                elif taken < handed:
                    self._collect(ready, check)
        finally:
            self._stop = True  # what is still queued is left undone
            for _ in self._threads:
                self._tasks.put(None)
            for thread in self._threads:
                thread.join()

    def _collect(self, ready: dict[int, _Result], check: Check) -> None:
        check()
        try:
            number, result = self._done.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            return
        if isinstance(result, BaseException):
            raise result
        ready[number] = result

    def _serve(self, worker: _Worker) -> None:
        while (task := self._tasks.get()) is not None and not self._stop:
            number, segment = task
            try:
                self._done.put((number, worker.work(segment)))
            except BaseException as error:  # handed to the caller's thread, which raises it
                self._done.put((number, error))
                return


def file_segments(descriptor: int, size: int) -> Iterator[Segment]:
    """Data of a file by extents, holes skipped; cuts are forced at multiples of SEGMENT_BYTES of the file."""
    end_of_data = 0
    for start, end in data_extents(descriptor, size):
        at = start
        while at < end:
            stop = min((at // SEGMENT_BYTES + 1) * SEGMENT_BYTES, end)
            yield Segment(at - end_of_data, stop - at, _loader(descriptor, at))
            at = end_of_data = stop


def data_extents(descriptor: int, size: int) -> Iterator[tuple[int, int]]:
    """(start, end) of what is allocated in a file; the whole file where the file system cannot say."""
    offset = 0
    while offset < size:
        try:
            start = os.lseek(descriptor, offset, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole up to the end
                return
            if error.errno == errno.EINVAL:
                yield offset, size
                return
            raise
        end = min(os.lseek(descriptor, start, os.SEEK_HOLE), size)
        if start >= size:
            return
        yield start, end
        offset = end


def stream_segments(source: Readable, take: Callable[[bytes], object]) -> Iterator[Segment]:
    """A stream in pieces of SEGMENT_BYTES; each is shown to `take` in order (for a digest)."""
    while data := _read_up_to(source, SEGMENT_BYTES, take):
        view = memoryview(data)
        yield Segment(0, len(view), lambda _, view=view: view)  # type: ignore[misc]  # bound early


def _read_up_to(source: Readable, size: int, take: Callable[[bytes], object]) -> bytearray:
    data = bytearray()
    while len(data) < size:
        piece = source.read(min(size - len(data), MIB))
        if not piece:
            break
        take(piece)
        data += piece
    return data


def digest_file(descriptor: int, size: int, check: Check = no_check) -> str:
    """SHA-256 of a file from its start; holes are hashed as the zeros they read as."""
    found, offset = hashlib.sha256(), 0
    while offset < size:
        check()
        piece = os.pread(descriptor, 4 * MIB, offset)
        if not piece:
            raise ContentChanged()
        found.update(piece)
        offset += len(piece)
    return found.hexdigest()


def open_source(path: Path) -> tuple[int, os.stat_result]:
    """A regular file to be read from its start, with its state; `SourceUnreadable` otherwise."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise SourceUnreadable(path=str(path), reason=os.strerror(error.errno or 0)) from error
    status = os.fstat(descriptor)
    if not os.path.isfile(f"/proc/self/fd/{descriptor}"):
        os.close(descriptor)
        raise SourceUnreadable(path=str(path), reason="not a regular file")
    return descriptor, status


def _loader(descriptor: int, offset: int) -> Callable[[memoryview], memoryview]:
    def load(buffer: memoryview) -> memoryview:
        got = 0
        while got < len(buffer):
            count = os.preadv(descriptor, [buffer[got:]], offset + got)
            if count == 0:
                raise ContentChanged()
            got += count
        return buffer

    return load


def _chain(first: Segment, second: Segment, rest: Iterable[Segment]) -> Iterator[Segment]:
    yield first
    yield second
    yield from rest
