"""One batch of puts: what it takes in becomes durable and visible together, or not at all."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from appliance.content import TENANT
from appliance.content.engine.intake import (
    WORKERS,
    Check,
    ObjectIntake,
    Progress,
    Put,
    Readable,
    Segment,
    digest_file,
    file_segments,
    no_check,
    no_progress,
    open_source,
    stream_segments,
)
from appliance.content.engine.lanes import Lane, Ledger
from appliance.content.engine.packfiles import refusing
from appliance.content.errors import ContentChanged
from sealing.content.ids import ChunkNamer
from sealing.content.keys import ContentKeys


class Batch:
    """Objects that become durable and visible together when the `with` block ends well."""

    def __init__(self, ledger: Ledger, keys: ContentKeys, exclusive: threading.Lock) -> None:
        self._ledger: Final = ledger
        self._keys: Final = keys
        self._lanes: Final = [Lane(ledger) for _ in range(WORKERS)]
        self._exclusive: Final = exclusive
        self._objects: list[tuple[str, ObjectIntake]] = []
        self._failed = False

    def put_file(
        self,
        path: Path,
        *,
        tenant: str = TENANT,
        sha256: bool = False,
        progress: Progress = no_progress,
        check: Check = no_check,
    ) -> Put:
        """Take a file in, holes skipped. With `sha256` its digest is computed beside."""
        descriptor, before = open_source(path)
        digester = _Digester(descriptor, before.st_size) if sha256 else None
        try:
            end = 0

            def segments() -> Iterator[Segment]:
                nonlocal end
                for segment in file_segments(descriptor, before.st_size):
                    end += segment.hole + segment.length
                    yield segment

            allocated = min(before.st_blocks * 512, before.st_size)
            put = self._put(
                tenant, segments(), allocated, lambda: before.st_size - end, progress, check,
                digester.result if digester else _no_digest,
            )  # fmt: skip
            after = os.fstat(descriptor)
            if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
                self._failed = True
                raise ContentChanged(path=str(path))
            return put
        finally:
            if digester:
                digester.stop()
            os.close(descriptor)

    def put_stream(
        self,
        source: Readable,
        *,
        tenant: str = TENANT,
        total: int = 0,
        sha256: bool = False,
        progress: Progress = no_progress,
        check: Check = no_check,
    ) -> Put:
        """Take a stream in to its end. `total` is only for `progress`."""
        found = hashlib.sha256()
        segments = stream_segments(source, found.update if sha256 else lambda _: None)
        digest = found.hexdigest if sha256 else _no_digest
        return self._put(tenant, segments, total, lambda: 0, progress, check, digest)

    def _put(
        self,
        tenant: str,
        segments: Iterator[Segment],
        total: int,
        tail_hole: Callable[[], int],
        progress: Progress,
        check: Check,
        digest: Callable[[], str | None],
    ) -> Put:
        if self._failed:
            raise AssertionError("this batch failed; begin another")
        try:
            with refusing(""):
                namer = ChunkNamer(self._keys.id_keys(tenant)[0])
            intake = ObjectIntake(self._ledger, self._lanes, namer)
            new, stored = self._ledger.new_bytes, self._ledger.stored_bytes
            recipe, sizes = intake.take(segments, total, tail_hole, progress, check)
            self._objects.append((recipe.hex(), intake))
            return Put(
                recipe.hex(),
                sizes.size,
                sizes.data_size,
                self._ledger.new_bytes - new,
                self._ledger.stored_bytes - stored,
                digest(),
            )
        except BaseException:
            self._failed = True
            raise

    def _commit(self) -> None:
        # The packs are durable under their names before the commit that makes them visible.
        with self._ledger.index.transaction():
            for lane in self._lanes:
                lane.flush()
            for recipe, intake in self._objects:
                self._ledger.index.add_recipe(recipe, intake.pack_rows(), self._ledger.generation)

    def __enter__(self) -> Self:
        if not self._exclusive.acquire(blocking=False):
            raise AssertionError("one batch at a time")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and not self._failed:
                self._commit()
            elif kind is None:
                raise AssertionError("a put of this batch failed and was ignored")
        finally:
            for lane in self._lanes:
                lane.abandon()
            self._exclusive.release()


class _Digester:
    """SHA-256 of a file on a thread of its own, beside the intake."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._outcome: str | BaseException = ""
        self._thread = threading.Thread(target=self._run, args=(descriptor, size), name="digest", daemon=True)
        self._stop = False
        self._thread.start()

    def _run(self, descriptor: int, size: int) -> None:
        try:
            self._outcome = digest_file(descriptor, size, self._check)
        except BaseException as error:  # raised in `result`
            self._outcome = error

    def _check(self) -> None:
        if self._stop:
            raise ContentChanged()

    def stop(self) -> None:
        self._stop = True
        self._thread.join()

    def result(self) -> str:
        self._thread.join()
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return self._outcome


def _no_digest() -> None:
    return None
