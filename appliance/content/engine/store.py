"""The content store: packs, their index, one writer (docs/formats/pack.md §9).

Sealed once: content is cut, named, compressed and sealed when it enters; backup and restore copy packs
verbatim.

What is durable when: a pack's data, then its name, then its row in the index, then the recipe that needs it.
At each gap a crash leaves at most an unfinished temporary file (swept by the next writer), or a whole pack
that the index does not know (found by the next writer through its sealed footer). What a caller was told is
put, is put.

One writer at a time: an flock, and a fence number that every write transaction checks.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from appliance.content import TENANT
from appliance.content.engine import index_leaving
from appliance.content.engine.batch import Batch
from appliance.content.engine.collecting import Collector
from appliance.content.engine.index import Index, IndexStatistics
from appliance.content.engine.intake import Check, Progress, no_check, no_progress
from appliance.content.engine.lanes import Ledger
from appliance.content.engine.outlet import Outlet, Sink
from appliance.content.engine.packfiles import PackFiles, PackHandle, refusing, telling_full
from appliance.content.errors import (
    IndexUnreadable,
    NoActiveKey,
    PackDamaged,
    PackMissing,
    StoreBusy,
)
from ground.files import files
from ground.refusals import Refusal
from sealing.content import keys as content_keys
from sealing.content.ids import MIB, ChunkNamer, ChunkType
from sealing.content.keys import ContentKeys, index_pragma
from sealing.content.manifest import PackRef
from sealing.content.pack import ChunkDecoder, ChunkEntry, PackReader
from sealing.secret import Key256

log = logging.getLogger(__name__)
_LOCK_POLL_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Damage:
    """What a verification found wrong with a pack."""

    pack: str
    code: str
    detail: dict[str, Any]


class Store:
    """See the module. Make one with `open` (the writer) or `reading`; close it, or use it in `with`."""

    def __init__(self, root: Path, keys: ContentKeys, index: Index, lock: int | None) -> None:
        self._root: Final = root
        self._keys: Final = keys
        self._index: Final = index
        self._lock = lock
        self._packs: Final = PackFiles(root / "packs")
        self._batch_open = threading.Lock()

    @classmethod
    def open(cls, root: Path, *, keys: ContentKeys, index_key: Key256, timeout: float = 0) -> Store:
        """The one writer, made consistent with what lies on the disk; `StoreBusy` if there is another."""
        files().mkdir(root / "packs")
        lock = _take_lock(root / "writer.lock", timeout)
        try:
            index = _open_index(root, index_pragma(index_key))
            try:
                index.take_over()
                store = cls(root, keys, index, lock)
                store._reconcile()
            except BaseException:
                index.close()
                raise
        except BaseException:
            os.close(lock)
            raise
        return store

    @classmethod
    def reading(cls, root: Path, *, keys: ContentKeys, index_key: Key256) -> Store:
        """A reader; any number may run beside the writer."""
        return cls(root, keys, Index(root / "index", index_pragma(index_key), create=False), None)

    def close(self) -> None:
        self._packs.close()
        self._index.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # In.

    def batch(self) -> Batch:
        """A batch under the key that is active now; `NoActiveKey` if none is."""
        self._must_write()
        try:
            key = self._keys.sealing_key()
        except content_keys.NoActiveKey as error:
            raise NoActiveKey() from error
        ledger = Ledger(self._index, self._packs, key, self._index.next_generation())
        return Batch(ledger, self._keys, self._batch_open)

    def collector(self, *, tenant: str = TENANT) -> Collector:
        """What collects the packs that nobody needs; no batch may be open."""
        self._must_write()
        with refusing(""):
            return Collector(self._index, self._packs, self._keys, tenant, self._batch_open)

    def adopt_pack(
        self,
        source: Path | Iterable[bytes],
        digest: str,
        *,
        size: int | None = None,
        tenants: Sequence[str] = (TENANT,),
    ) -> PackRef:
        """Take a sealed pack in: copied, compared with its digest, every chunk opened once, then visible.

        `source` is a file or the pack's bytes in pieces. A pack that is there already is not read again. May
        be called from several threads.
        """
        self._must_write()
        known = self._index.pack_row(digest)
        if known is not None and self._packs.path(digest).exists():
            return self._index.pack_ref(known)
        namers = self._namers(tenants)
        with telling_full(), self._packs.new() as new:
            found = hashlib.sha256()
            for piece in _pieces(source, digest):
                found.update(piece)
                new.write(piece)
                if new.size > (size or new.size):
                    raise PackDamaged(pack=digest, reason="size")
            if found.hexdigest() != digest or (size is not None and new.size != size):
                raise PackDamaged(pack=digest, reason="digest")
            descriptor = new.fileno()
            with refusing(digest):
                reader = PackReader(
                    lambda offset, length: os.pread(descriptor, length, offset),
                    new.size,
                    self._keys.opening_key,
                )
                entries = list(reader.check_all(namers, ChunkDecoder()))
            self._packs.publish(new, digest)
            ref = PackRef(digest, new.size, reader.key_id)
        self._index.add_pack(ref, entries, self._index.generation())
        return ref

    def adopt_recipe(self, recipe: str, *, tenant: str = TENANT) -> None:
        """Register an object whose packs were adopted; `ContentIncomplete` if a chunk is missing."""
        self._must_write()
        # One that is registered is touched: whoever adopts it may tell of it after a collection's look.
        if not self._index.touch_recipe(recipe):
            rows = self._outlet(tenant).needs(recipe)
            self._index.add_recipe(recipe, rows, self._index.generation())

    # Out.

    def read(
        self,
        recipe: str,
        sink: Sink,
        *,
        tenant: str = TENANT,
        progress: Progress = no_progress,
        check: Check = no_check,
    ) -> int:
        """Write an object into `sink`, every chunk authenticated; returns its size."""
        return self._outlet(tenant).copy(recipe, sink, progress, check)

    def iter_read(self, recipe: str, *, tenant: str = TENANT) -> Iterator[bytes]:
        """The object's bytes in order, every chunk authenticated."""
        return self._outlet(tenant).pieces(recipe)

    def size_of(self, recipe: str, *, tenant: str = TENANT) -> int:
        """The object's size, from its authenticated recipe."""
        return self._outlet(tenant).recipe(recipe).root.size

    def data_size_of(self, recipe: str, *, tenant: str = TENANT) -> int:
        """The object's size without its holes."""
        return self._outlet(tenant).recipe(recipe).root.data_size

    def metadata(self, kind: ChunkType, chunk_id: bytes, *, tenant: str = TENANT) -> bytes | None:
        """A chunk that is part of a recipe, authenticated; None if the store does not have it."""
        return self._outlet(tenant).metadata(kind, chunk_id)

    # About.

    def holds(self, ids: Sequence[bytes]) -> set[bytes]:
        """Those of these chunks that are in the store."""
        return set(self._index.locate(ids))

    def packs_of(self, recipes: Iterable[str], *, tenant: str = TENANT) -> list[PackRef]:
        """Packs these objects need, recipes included, once each, by digest. Costs nothing per chunk."""
        wanted = list(recipes)
        for recipe in wanted:
            if not self._index.has_recipe(recipe):  # only after the index was rebuilt
                self.adopt_recipe(recipe, tenant=tenant)
        return self._index.packs_of(wanted)

    def pack_path(self, digest: str) -> Path:
        """Where the pack lies; `PackMissing` if it does not."""
        path = self._packs.path(digest)
        if not path.is_file():
            raise PackMissing(pack=digest)
        return path

    def has_pack(self, digest: str) -> bool:
        return self._index.pack_row(digest) is not None

    def packs(self) -> list[PackRef]:
        """Every pack, by digest."""
        return list(self._index.packs())

    def shares(self) -> dict[str, tuple[int, int]]:
        """Digest → (bytes of chunks, of those needed by the last collection's look; what came later is)."""
        return index_leaving.shares(self._index)

    def statistics(self) -> IndexStatistics:
        return self._index.statistics()

    def verify(
        self,
        *,
        chunks: bool = False,
        tenants: Sequence[str] = (TENANT,),
        progress: Progress = no_progress,
        check: Check = no_check,
    ) -> list[Damage]:
        """Compare every pack with its digest; with `chunks`, open every chunk too. Lists what is wrong."""
        namers = self._namers(tenants) if chunks else []
        decoder = ChunkDecoder()
        refs = self.packs()
        total = sum(ref.size for ref in refs)
        done, found = 0, []
        for ref in refs:
            check()
            try:
                self._packs.check_digest(ref.digest)
                if chunks:
                    with refusing(ref.digest):
                        handle = PackHandle(self._packs.path(ref.digest), self._keys.opening_key)
                        for _ in handle.reader.check_all(namers, decoder):
                            pass
            except Refusal as refusal:
                found.append(Damage(ref.digest, refusal.code, refusal.facts))
            done += ref.size
            progress(done, total)
        return found

    # Below.

    def _outlet(self, tenant: str) -> Outlet:
        return Outlet(self._index, self._packs, self._keys, tenant)

    def _namers(self, tenants: Sequence[str]) -> list[ChunkNamer]:
        with refusing(""):
            return [ChunkNamer(key) for tenant in tenants for key in self._keys.id_keys(tenant)]

    def _must_write(self) -> None:
        if self._lock is None:
            raise AssertionError("this store was opened for reading")

    def _reconcile(self) -> None:
        """Make the index say what lies on the disk: sweep, forget what is gone, take in what it misses."""
        self._packs.sweep()
        there = set(self._packs.names())
        known = {ref.digest for ref in self._index.packs()}
        gone = known - there
        if gone:
            log.error("packs of the content store are gone: %s", len(gone))
            self._index.remove_packs(sorted(gone))
        for digest in sorted(there - known):
            self._take_in(digest)

    def _take_in(self, digest: str) -> None:
        try:
            handle = self._packs.open(digest, self._keys.opening_key)
            with refusing(digest):
                entries: list[ChunkEntry] = handle.reader.entries()
        except Refusal as refusal:
            # Left where it is: its key may come with a transfer, and nothing here deletes.
            log.warning("a pack cannot be taken into the index: %s %s", refusal.code, refusal.facts)
            return
        ref = PackRef(digest, handle.reader.size, handle.reader.key_id)
        self._index.add_pack(ref, entries, self._index.generation())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _open_index(root: Path, pragma: str) -> Index:
    path = root / "index"
    try:
        return Index(path, pragma, create=True)
    except IndexUnreadable as refusal:
        log.warning("the store's index is made anew from the packs: %s", refusal.facts)
        for name in ("index", "index-wal", "index-shm"):
            files().unlink(root / name, missing_ok=True)
        return Index(path, pragma, create=True)


def _take_lock(path: Path, timeout: float) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + timeout
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                raise StoreBusy() from error
            time.sleep(_LOCK_POLL_SECONDS)


def _pieces(source: Path | Iterable[bytes], digest: str) -> Iterator[bytes]:
    if not isinstance(source, Path):
        yield from source
        return
    try:
        with source.open("rb", buffering=0) as file:
            while piece := file.read(MIB):
                yield piece
    except FileNotFoundError as error:
        raise PackMissing(pack=digest) from error
