"""Writing chunks: claims, and lanes of open packs.

An id is claimed before it is stored, so two threads that meet the same new chunk store it once. A lane is one
pack being written; each worker thread has its own, so sealing needs no common lock.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Final

from appliance.content.engine.index import Index
from appliance.content.engine.packfiles import PackFiles, telling_full
from ground.files import NewFile
from sealing.aead import Buffer
from sealing.content.ids import ChunkType
from sealing.content.keys import SealingKey
from sealing.content.manifest import PackRef
from sealing.content.pack import PackWriter


class Claim:
    """Somebody stores this chunk, or found it in the index just then."""

    __slots__ = ("found", "place")

    def __init__(self) -> None:
        self.place: OpenPack | None = None
        self.found: int | None = None

    @property
    def row(self) -> int | None:
        """Row of the pack that holds the chunk, once that is published."""
        return self.found if self.place is None else self.place.row


class OpenPack:
    """A pack in the making; `row` is its row in the index once it is published."""

    __slots__ = ("claims", "file", "row", "writer")

    def __init__(self, key: SealingKey, file: NewFile) -> None:
        self.file: Final = file
        self.writer: Final = PackWriter(key, file.write)
        self.row: int | None = None
        self.claims: list[bytes] = []


class Ledger:
    """Claims of one batch, and the publishing of its packs. Thread-safe."""

    def __init__(self, index: Index, packs: PackFiles, key: SealingKey, generation: int) -> None:
        self.index: Final = index
        self.packs: Final = packs
        self.key: Final = key
        self.generation: Final = generation
        self._lock: Final = threading.Lock()
        self._claims: dict[bytes, Claim] = {}
        self.new_bytes = 0
        self.stored_bytes = 0

    def claim(self, ids: Iterable[bytes]) -> tuple[set[bytes], set[Claim]]:
        """(ids the caller must now store, the claims on all of them).

        Order matters: first the claim, then the look into the index. A pack leaves the claims only after it
        stands in the index, so between the two no chunk can be missed.
        """
        mine: dict[bytes, Claim] = {}
        held: set[Claim] = set()
        with self._lock:
            for chunk_id in ids:
                if chunk_id in mine:
                    continue
                claim = self._claims.get(chunk_id)
                if claim is None:
                    claim = self._claims[chunk_id] = mine[chunk_id] = Claim()
                held.add(claim)
        known = self.index.locate(list(mine))
        if known:
            with self._lock:
                for chunk_id in known:
                    mine[chunk_id].found = known[chunk_id].pack  # for whoever saw the claim meanwhile
                    del self._claims[chunk_id]
        return mine.keys() - known.keys(), held

    def settle(self, chunk_id: bytes, place: OpenPack, content: int, stored: int) -> None:
        """The chunk was sealed into `place`."""
        with self._lock:
            self._claims[chunk_id].place = place
            place.claims.append(chunk_id)
            self.new_bytes += content
            self.stored_bytes += stored

    def publish(self, pack: OpenPack) -> None:
        """Pack data durable, then its name, then the index: then it is visible."""
        with telling_full():
            summary = pack.writer.finish()
            self.packs.publish(pack.file, summary.digest)
        ref = PackRef(summary.digest, summary.size, summary.key_id)
        pack.row = self.index.add_pack(ref, summary.entries, self.generation)
        with self._lock:
            for chunk_id in pack.claims:
                del self._claims[chunk_id]


class Lane:
    """One worker's pack. The lock is for the recipe's few chunks, which go to the first lane."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger: Final = ledger
        self._lock: Final = threading.RLock()
        self._open: OpenPack | None = None

    def store(self, kind: ChunkType, chunk_id: bytes, data: Buffer) -> None:
        """Seal a claimed chunk; a full pack is published first."""
        length = memoryview(data).nbytes
        with self._lock, telling_full():
            pack = self._pack()
            encoding, encoded = pack.writer.encode(data)
            if not pack.writer.fits(memoryview(encoded).nbytes):
                self.flush()
                pack = self._pack()
            entry = pack.writer.add(kind, chunk_id, length, encoding, encoded)
            content = length if kind is ChunkType.CONTENT else 0
            self._ledger.settle(chunk_id, pack, content, entry.stored)

    def flush(self) -> None:
        """Publish what is open."""
        pack, self._open = self._open, None
        if pack is None:
            return
        if pack.writer.is_empty:
            pack.file.abandon()
            return
        try:
            self._ledger.publish(pack)
        finally:
            pack.file.abandon()

    def abandon(self) -> None:
        """Throw away what is open."""
        pack, self._open = self._open, None
        if pack is not None:
            pack.file.abandon()

    def _pack(self) -> OpenPack:
        if self._open is None:
            self._open = OpenPack(self._ledger.key, self._ledger.packs.new())
        return self._open
