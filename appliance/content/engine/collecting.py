"""Collecting: packs that nobody needs go after a grace, packs that are mostly dead are sealed anew.

`Store.collector()` makes one; it is the store's one writer, and no batch is open beside it. In this order:

1. `look` walks every object that is needed, and those put or relied on within the grace (`touched`): whoever
   put one may not have told of it yet. Changes nothing.
2. `mark` writes down what was found: packs of which nothing is needed leave from now on. A batch that finds a
   chunk in a pack that leaves uses it as ever: the next look finds the pack needed, and it stays.
3. `drop` removes what has been leaving for a grace and is dead by this very look: first the index forgets it,
   so that no batch can find its chunks, then the file goes. Killed between, the next writer takes the pack
   into the index again, and it leaves anew.
4. `repack` opens the needed chunks of mostly dead packs, compares each with its id, and seals them into new
   packs under the active key: first the new pack is durable, then the index knows it and objects need it in
   place of the old one, which leaves. Killed between, a whole pack lies there that nobody needs.

docs/adr/023-collection-in-the-store.md says why, and what it means for targets.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from appliance.content.engine import index_leaving
from appliance.content.engine.index import Index
from appliance.content.engine.index_leaving import Moved, PackFacts
from appliance.content.engine.intake import Check, Progress, no_check, no_progress
from appliance.content.engine.liveness import Liveness, walk
from appliance.content.engine.outlet import Outlet
from appliance.content.engine.packfiles import PackFiles, PackHandle, refusing, telling_full
from appliance.content.errors import NoActiveKey
from ground.refusals import Refusal
from sealing.content import keys as content_keys
from sealing.content.ids import MIB, ChunkNamer
from sealing.content.keys import ContentKeys, SealingKey
from sealing.content.manifest import PackRef
from sealing.content.pack import PACK_BYTES, ChunkDecoder, ChunkEntry, PackWriter, name_fits, padded_size
from sealing.errors import EncodingRefused

_TOGETHER: Final = 32  # packs forgotten in one transaction


@dataclass(frozen=True, slots=True)
class Limits:
    """How far one collection goes."""

    grace_seconds: int
    quota_percent: int  # of what is stored, removed in one run
    repack_percent: int  # packs of whose chunks less than this is needed are repacked …
    rewrite_bytes: int  # … until so much was written


@dataclass(frozen=True, slots=True)
class Share:
    """A pack and how much of it is needed."""

    facts: PackFacts
    live: int

    @property
    def size(self) -> int:
        return self.facts.ref.size


@dataclass(frozen=True, slots=True)
class Look:
    """What a walk found."""

    liveness: Liveness
    shares: tuple[Share, ...]
    needed: dict[str, frozenset[int]]  # object → rows of its packs
    unread: int  # packs that the index cannot know: their key is not held

    @property
    def stored(self) -> int:
        return sum(share.size for share in self.shares)

    @property
    def content(self) -> int:
        """Bytes of all chunks; the rest of `stored` is padding and footers."""
        return sum(share.facts.content for share in self.shares)

    @property
    def live(self) -> int:
        return sum(share.live for share in self.shares)

    def dead(self) -> list[Share]:
        """Packs of which nothing is needed."""
        return [share for share in self.shares if not share.live]

    def due(self, limits: Limits, now: int) -> list[Share]:
        """Dead packs that have been leaving for a grace, the longest first, as many as the quota allows."""
        before, room = now - limits.grace_seconds, self.stored * limits.quota_percent // 100
        ready = [s for s in self.dead() if s.facts.leaving is not None and s.facts.leaving <= before]
        ready.sort(key=lambda share: (share.facts.leaving or 0, share.facts.ref.digest))
        found: list[Share] = []
        for share in ready:
            room -= share.size
            if found and room < 0:
                break  # one at least: a quota is no way to keep anything for ever
            found.append(share)
        return found

    def half_dead(self, limits: Limits) -> list[Share]:
        """Packs worth repacking in one run, the deadest first; none where nothing would be gained."""
        worth = [s for s in self.shares if 0 < s.live * 100 < s.facts.content * limits.repack_percent]
        worth.sort(key=lambda share: (share.live / share.facts.content, share.facts.ref.digest))
        found, room = [], limits.rewrite_bytes
        for share in worth:
            if share.live <= room:
                found.append(share)
                room -= share.live
        return found if rewritten_size(found) < sum(share.size for share in found) else []


@dataclass(slots=True)
class Repacked:
    """What a repack did: packs emptied, packs made, and what stood in the way."""

    emptied: list[PackRef] = field(default_factory=list)
    made: list[PackRef] = field(default_factory=list)
    damaged: list[Refusal] = field(default_factory=list)


def rewritten_size(shares: Sequence[Share]) -> int:
    """Bytes of the packs into which these would be repacked."""
    live = sum(share.live for share in shares)
    full, rest = divmod(live, PACK_BYTES)
    return full * PACK_BYTES + (padded_size(rest + MIB // 16) if rest else 0)


class Collector:
    """See the module. For one thread; used in `with`."""

    def __init__(
        self, index: Index, packs: PackFiles, keys: ContentKeys, tenant: str, exclusive: threading.Lock
    ) -> None:
        self._index: Final = index
        self._packs: Final = packs
        self._keys: Final = keys
        self._outlet: Final = Outlet(index, packs, keys, tenant)
        self._namers: Final = [ChunkNamer(key) for key in keys.id_keys(tenant)]
        self._exclusive: Final = exclusive

    def look(
        self, recipes: Iterable[str], *, since: int, progress: Progress = no_progress, check: Check = no_check
    ) -> Look:
        """Walk these objects and every one touched at `since` (Unix seconds) or later."""
        needed: dict[str, frozenset[int]] = {}

        def told(recipe: str, rows: set[int]) -> None:
            needed[recipe] = frozenset(rows)

        wanted = [*recipes, *index_leaving.touched_since(self._index, since)]
        liveness = walk(wanted, self._index, self._outlet, told, progress, check)
        facts = index_leaving.facts(self._index)
        known = {fact.ref.digest for fact in facts}
        unread = sum(name not in known for name in self._packs.names())
        shares = tuple(Share(fact, liveness.bytes.get(fact.row, 0)) for fact in facts)
        return Look(liveness, shares, needed, unread)

    def mark(self, look: Look, *, now: int) -> None:
        """Objects that nobody needs are forgotten, of the others stands exactly what they need."""
        index_leaving.forget_others(self._index, look.needed.keys())
        for recipe, rows in look.needed.items():
            if not self._index.has_recipe(recipe):  # after the index was rebuilt
                self._index.add_recipe(recipe, rows, self._index.generation())
            index_leaving.set_needs(self._index, recipe, rows)
        index_leaving.note_live(self._index, look.liveness.bytes, now)

    def shares(self) -> tuple[Share, ...]:
        """Every pack as it stands now, after `mark` and what followed."""
        noted = index_leaving.shares(self._index)
        facts = index_leaving.facts(self._index)
        return tuple(Share(fact, noted[fact.ref.digest][1]) for fact in facts)

    def drop(
        self, shares: Sequence[Share], *, progress: Progress = no_progress, check: Check = no_check
    ) -> list[PackRef]:
        """Remove packs that are `due`; those removed. To be called after `mark` of the same look."""
        gone: list[PackRef] = []
        total = sum(share.size for share in shares)
        for start in range(0, len(shares), _TOGETHER):
            check()
            some = shares[start : start + _TOGETHER]
            index_leaving.drop_packs(self._index, {s.facts.row: self._ids_in(s.facts.ref) for s in some})
            for share in some:
                self._packs.remove(share.facts.ref.digest)
                gone.append(share.facts.ref)
            progress(sum(ref.size for ref in gone), total)
        return gone

    def repack(
        self,
        shares: Sequence[Share],
        look: Look,
        *,
        now: int,
        progress: Progress = no_progress,
        check: Check = no_check,
    ) -> Repacked:
        """Seal what is needed of these packs into new ones. A damaged pack stays as it is, and is told of.
        `NoActiveKey` where nothing may be sealed."""
        done, total = Repacked(), sum(share.live for share in shares)
        if not shares:
            return done
        try:
            key = self._keys.sealing_key()
        except content_keys.NoActiveKey as error:
            raise NoActiveKey() from error
        with _NewPack(self._index, self._packs, key, done, now) as new:
            for share in shares:
                try:
                    for entry, data in self._needed(share, look.liveness):
                        check()
                        new.add(share, entry, data)
                        progress(new.copied, total)
                except Refusal as refusal:
                    if refusal.facts.get("pack") != share.facts.ref.digest:
                        raise  # not this pack's fault: a full disk, a newer writer
                    done.damaged.append(refusal)
                else:
                    new.emptied(share)
            new.publish()
        return done

    def _needed(self, share: Share, liveness: Liveness) -> Iterator[tuple[ChunkEntry, bytes | memoryview]]:
        """The needed chunks of a pack in their order, each authenticated and what its id says."""
        digest, decoder = share.facts.ref.digest, ChunkDecoder()
        with refusing(digest):
            handle = PackHandle(self._packs.path(digest), self._keys.opening_key)
            entries = handle.reader.entries()
        for entry in entries:
            if liveness.needs(share.facts.row, entry):
                with refusing(digest):
                    data = handle.reader.open_chunk(entry, decoder)
                    if not name_fits(self._namers, entry, data):
                        raise EncodingRefused("chunk-id", "a chunk is not what its id says")
                yield entry, data

    def _ids_in(self, ref: PackRef) -> list[bytes] | None:
        try:
            with refusing(ref.digest):
                handle = PackHandle(self._packs.path(ref.digest), self._keys.opening_key)
                return [entry.id for entry in handle.reader.entries()]
        except Refusal:
            return None  # nobody needs it, so nobody cares what is wrong with it

    def __enter__(self) -> Self:
        if not self._exclusive.acquire(blocking=False):
            raise AssertionError("no collection beside a batch")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exclusive.release()


class _NewPack:
    """The pack being written, and whose chunks stand in it."""

    def __init__(self, index: Index, packs: PackFiles, key: SealingKey, done: Repacked, now: int) -> None:
        self._index: Final = index
        self._packs: Final = packs
        self._key: Final = key
        self._done: Final = done
        self._now: Final = now
        self._generation: Final = index.next_generation()
        self._moved: list[Moved] = []
        self._emptied: list[Share] = []
        self.copied = 0
        self._open()

    def add(self, share: Share, entry: ChunkEntry, data: bytes | memoryview) -> None:
        """One chunk; a full pack is published first."""
        with telling_full():
            encoding, encoded = self._writer.encode(data)
            if not self._writer.fits(memoryview(encoded).nbytes):
                self.publish()
            new = self._writer.add(entry.kind, entry.id, entry.length, encoding, encoded)
        self._moved.append(Moved(new, share.facts.row))
        self.copied += entry.stored

    def emptied(self, share: Share) -> None:
        """All that is needed of this pack was added."""
        self._emptied.append(share)

    def publish(self) -> None:
        """The pack's data durable, then its name, then the index; only then the old ones leave."""
        if not self._moved:
            return
        with telling_full():
            summary = self._writer.finish()
            self._packs.publish(self._file, summary.digest)
        ref = PackRef(summary.digest, summary.size, summary.key_id)
        emptied = [share.facts.row for share in self._emptied]
        index_leaving.move_chunks(self._index, ref, self._moved, emptied, self._generation, self._now)
        self._done.made.append(ref)
        self._done.emptied += [share.facts.ref for share in self._emptied]
        self._open()

    def _open(self) -> None:
        self._file = self._packs.new()
        self._writer = PackWriter(self._key, self._file.write)
        self._moved, self._emptied = [], []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.abandon()
