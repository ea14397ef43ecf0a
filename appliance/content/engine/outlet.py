"""Giving content out: every chunk authenticated and compared with its id before a byte of it leaves.

Positional sinks are written by two threads; ordered readers run on one. Memory is flat.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from appliance.content.engine.index import Index, Location
from appliance.content.engine.intake import WORKERS, Check, Progress
from appliance.content.engine.packfiles import PackFiles, PackHandle, refusing
from appliance.content.errors import ContentIncomplete, RecipeUnknown
from sealing.content.ids import MIB, ChunkNamer, ChunkType
from sealing.content.keys import ContentKeys
from sealing.content.pack import ChunkDecoder, name_fits
from sealing.content.recipe import Extent, RecipeReader
from sealing.errors import EncodingRefused

_RUN_EXTENTS: Final = 64  # extents of one task, about 10 MiB
_WINDOW: Final = 4
_ZEROS: Final = bytes(MIB)
_POLL_SECONDS: Final = 0.5


class Sink(Protocol):
    """Where content goes; called from several threads, for places that do not overlap."""

    def write_at(self, offset: int, data: bytes | memoryview) -> object: ...

    def hole(self, offset: int, length: int) -> object: ...


class FileSink:
    """A new sparse file. Give it up (leave without `commit`) and it is removed."""

    def __init__(self, path: Path) -> None:
        self._path: Final = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._kept = False

    def write_at(self, offset: int, data: bytes | memoryview) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self._descriptor, view, offset)
            view, offset = view[written:], offset + written

    def hole(self, offset: int, length: int) -> None:
        """Nothing to do: a new file reads as zeros where nothing was written, and `commit` gives the size."""

    def commit(self, size: int) -> None:
        """The file is whole: flush it."""
        os.ftruncate(self._descriptor, size)
        os.fsync(self._descriptor)
        self._kept = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)
        if not self._kept:
            self._path.unlink()


class Outlet:
    """Opens chunks of one tenant. Thread-safe, with a decoder for each thread."""

    def __init__(self, index: Index, packs: PackFiles, keys: ContentKeys, tenant: str) -> None:
        self._index: Final = index
        self._packs: Final = packs
        self._keys: Final = keys
        with refusing(""):
            self._namers: Final = [ChunkNamer(key) for key in keys.id_keys(tenant)]
        self._names: Final[dict[int, str]] = {}

    def recipe(self, digest: str) -> RecipeReader:
        """The recipe of that digest; `RecipeUnknown` if the store has none."""
        decoder = ChunkDecoder()

        def fetch(kind: ChunkType, chunk_id: bytes) -> bytes:
            located = self._index.locate([chunk_id]).get(chunk_id)
            if located is None:
                raise RecipeUnknown(recipe=digest)
            return bytes(self._open(located, kind, decoder))

        try:
            chunk_id = bytes.fromhex(digest)
        except ValueError as error:
            raise RecipeUnknown(recipe=digest[:80]) from error
        with refusing(f"recipe {digest}"):
            return RecipeReader(fetch, chunk_id)

    def metadata(self, kind: ChunkType, chunk_id: bytes) -> bytes | None:
        """One chunk of a recipe; None if it is not there."""
        located = self._index.locate([chunk_id]).get(chunk_id)
        return None if located is None else bytes(self._open(located, kind, ChunkDecoder()))

    def pieces(self, digest: str) -> Iterator[bytes]:
        """The object's bytes in order, holes as zeros."""
        decoder = ChunkDecoder()
        for run in _runs(self.recipe(digest).extents(), digest):
            located = self._locate(run, digest)
            for extent in run:
                if extent.id is None:
                    yield from _zeros(extent.length)
                else:
                    yield bytes(self._chunk(extent, located, decoder))

    def copy(self, digest: str, sink: Sink, progress: Progress, check: Check) -> int:
        """Write the object into `sink` on two threads; returns its size."""
        recipe = self.recipe(digest)
        runs = _runs(recipe.extents(), digest)
        tasks: queue.SimpleQueue[Sequence[Extent] | None] = queue.SimpleQueue()
        results: queue.SimpleQueue[int | BaseException] = queue.SimpleQueue()
        stop: list[bool] = []

        def serve() -> None:
            decoder = ChunkDecoder()
            while (run := tasks.get()) is not None and not stop:
                try:
                    results.put(self._write(run, digest, sink, decoder))
                except BaseException as error:  # handed to the caller's thread, which raises it
                    results.put(error)
                    return

        threads = [threading.Thread(target=serve, name=f"outlet-{n}", daemon=True) for n in range(WORKERS)]
        for thread in threads:
            thread.start()
        done = waiting = 0
        try:
            while True:
                run = next(runs, None) if waiting < _WINDOW else None
                if run is not None:
                    tasks.put(run)
                    waiting += 1
                    continue
                if not waiting:
                    break
                check()
                try:
                    result = results.get(timeout=_POLL_SECONDS)
                except queue.Empty:
                    continue
                if isinstance(result, BaseException):
                    raise result
                waiting -= 1
                done += result
                progress(done, recipe.root.data_size)
        finally:
            stop.append(True)  # what is still queued is left undone
            for _ in threads:
                tasks.put(None)
            for thread in threads:
                thread.join()
        return recipe.root.size

    def needs(self, digest: str) -> set[int]:
        """Rows of the packs that hold the object and its recipe; `ContentIncomplete` if a chunk lacks."""
        rows: set[int] = set()
        recipe = self.recipe(digest)
        metadata = [bytes.fromhex(digest), *(page.id for page in recipe.root.pages)]
        rows.update(at.pack for at in self._index.locate(metadata).values())
        for run in _runs(recipe.extents(), digest):
            rows.update(at.pack for at in self._locate(run, digest).values())
        return rows

    def _write(self, run: Sequence[Extent], digest: str, sink: Sink, decoder: ChunkDecoder) -> int:
        located = self._locate(run, digest)
        done = 0
        for extent in run:
            if extent.id is None:
                sink.hole(extent.offset, extent.length)
            else:
                sink.write_at(extent.offset, self._chunk(extent, located, decoder))
                done += extent.length
        return done

    def _locate(self, run: Sequence[Extent], digest: str) -> dict[bytes, Location]:
        wanted = {extent.id for extent in run if extent.id is not None}
        located = self._index.locate(list(wanted))
        if len(located) != len(wanted):
            raise ContentIncomplete(recipe=digest, missing=len(wanted) - len(located))
        return located

    def _chunk(
        self, extent: Extent, located: dict[bytes, Location], decoder: ChunkDecoder
    ) -> bytes | memoryview:
        at = located[extent.id or b""]
        if at.entry.length != extent.length:
            with refusing(self._name(at.pack)):
                raise EncodingRefused("chunk-length", "the recipe names another length")
        return self._open(at, ChunkType.CONTENT, decoder)

    def _open(self, at: Location, kind: ChunkType, decoder: ChunkDecoder) -> bytes | memoryview:
        name = self._name(at.pack)
        handle: PackHandle = self._packs.open(name, self._keys.opening_key)
        with refusing(name):
            if at.entry.kind is not kind:
                raise EncodingRefused("chunk-type", "a chunk of another type than asked for")
            data = handle.reader.open_chunk(at.entry, decoder)
            if not name_fits(self._namers, at.entry, data):
                raise EncodingRefused("chunk-id", "a chunk is not what its id says")
        return data

    def _name(self, row: int) -> str:
        name = self._names.get(row)
        if name is None:
            name = self._names[row] = self._index.pack_ref(row).digest
        return name


def _runs(extents: Iterator[Extent], digest: str) -> Iterator[list[Extent]]:
    run: list[Extent] = []
    while True:
        with refusing(f"recipe {digest}"):
            extent = next(extents, None)
        if extent is None:
            break
        run.append(extent)
        if len(run) == _RUN_EXTENTS:
            yield run
            run = []
    if run:
        yield run


def _zeros(length: int) -> Iterator[bytes]:
    for start in range(0, length, MIB):
        yield _ZEROS[: min(MIB, length - start)]
