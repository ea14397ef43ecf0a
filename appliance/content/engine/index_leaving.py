"""What a collection asks of the index and changes in it. Each function is one durable transaction.

The invariant all of it keeps: the packs written down for a registered object are at least those in which the
index finds its chunks. So an object is forgotten, which costs nothing but a walk when it is asked for again,
before anything that only it needed may go.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from appliance.content.engine.index import Index
from sealing.content.manifest import PackRef
from sealing.content.pack import ChunkEntry

_FACTS: Final = "SELECT id, digest, size, data_key, content, leaving FROM pack ORDER BY digest"
_MOVE: Final = (
    "UPDATE chunk SET pack = ?, ordinal = ?, offset = ?, stored = ?, length = ?, kind = ?, encoding = ?"
    " WHERE id = ? AND pack = ?"
)


@dataclass(frozen=True, slots=True)
class PackFacts:
    """A pack as the index knows it: `content` bytes of chunks, `leaving` since (Unix seconds) or None."""

    row: int
    ref: PackRef
    content: int
    leaving: int | None


@dataclass(frozen=True, slots=True)
class Moved:
    """A chunk that lies in a new pack, and the row of the pack it was read from."""

    entry: ChunkEntry
    source: int


def facts(index: Index) -> list[PackFacts]:
    """Every pack, by digest."""
    return [PackFacts(row[0], PackRef(*row[1:4]), row[4], row[5]) for row in index.select(_FACTS)]


def shares(index: Index) -> dict[str, tuple[int, int]]:
    """Digest → (bytes of chunks, of those needed by the last look). What came later counts as needed."""
    rows = index.select("SELECT digest, content, coalesce(live, content) FROM pack")
    return {row[0]: (row[1], row[2]) for row in rows}


def touched_since(index: Index, moment: int) -> list[str]:
    """Objects that somebody put or relied on at that time (Unix seconds) or later."""
    return [row[0] for row in index.select("SELECT digest FROM recipe WHERE touched >= ?", (moment,))]


def forget_others(index: Index, keep: Collection[str]) -> int:
    """Forget every registered object that is not to be kept; returns how many."""
    gone = [row for row in index.select("SELECT id, digest FROM recipe") if row[1] not in keep]
    with index.transaction():
        for row, _ in gone:
            index.run("DELETE FROM recipe_pack WHERE recipe = ?", (row,))
            index.run("DELETE FROM recipe WHERE id = ?", (row,))
        index.run("DELETE FROM recipe_pack WHERE recipe NOT IN (SELECT id FROM recipe)")
    return len(gone)


def set_needs(index: Index, recipe: str, packs: frozenset[int]) -> None:
    """The packs in which a walk just found all of a registered object: exactly these are needed."""
    ((row,),) = index.select("SELECT id FROM recipe WHERE digest = ?", (recipe,))
    if {known[0] for known in index.select("SELECT pack FROM recipe_pack WHERE recipe = ?", (row,))} == packs:
        return
    with index.transaction():
        index.run("DELETE FROM recipe_pack WHERE recipe = ?", (row,))
        for pack in sorted(packs):
            index.run("INSERT INTO recipe_pack VALUES (?, ?)", (row, pack))


def note_live(index: Index, live: Mapping[int, int], now: int) -> None:
    """Write down how much of each pack is needed; a pack of which nothing is leaves, from now on or since
    it was first found so. One that is needed again stays."""
    with index.transaction():
        for fact in facts(index):
            needed = live.get(fact.row, 0)
            leaving = None if needed else (fact.leaving if fact.leaving is not None else now)
            index.run("UPDATE pack SET live = ?, leaving = ? WHERE id = ?", (needed, leaving, fact.row))


def move_chunks(
    index: Index, ref: PackRef, moved: Sequence[Moved], emptied: Collection[int], generation: int, now: int
) -> int:
    """Make a durable new pack visible in which chunks of others lie now; returns its row.

    All objects that need a pack it draws from need it, too. `emptied` are packs whose last needed chunk has
    moved: nobody needs them any more, and they leave.
    """
    with index.transaction():
        row = index.new_pack(ref, [item.entry for item in moved], generation)
        for item in sorted(moved, key=lambda item: item.entry.id):
            e = item.entry
            place = (row, e.ordinal, e.offset, e.stored, e.length, int(e.kind), e.encoding)
            index.run(_MOVE, (*place, e.id, item.source))
        for source in sorted({item.source for item in moved}):
            index.run(
                "INSERT OR IGNORE INTO recipe_pack SELECT recipe, ? FROM recipe_pack WHERE pack = ?",
                (row, source),
            )
        for source in sorted(emptied):
            index.run("DELETE FROM recipe_pack WHERE pack = ?", (source,))
            index.run("UPDATE pack SET live = 0, leaving = ? WHERE id = ?", (now, source))
        index.run("UPDATE pack SET live = content WHERE id = ?", (row,))
    return row


def drop_packs(index: Index, packs: Mapping[int, Sequence[bytes] | None]) -> None:
    """Forget packs that no registered object needs, with their chunks.

    By row: the ids of the pack's chunks, from its footer; or None where that cannot be read, and the index
    is searched for them.
    """
    with index.transaction():
        for row, ids in sorted(packs.items()):
            if index.select("SELECT 1 FROM recipe_pack WHERE pack = ? LIMIT 1", (row,)):
                raise AssertionError("a pack that is needed was to be dropped")
            if ids is None:
                index.run("DELETE FROM chunk WHERE pack = ?", (row,))
            for chunk_id in ids or ():
                index.run("DELETE FROM chunk WHERE id = ? AND pack = ?", (chunk_id, row))
            index.run("DELETE FROM pack WHERE id = ?", (row,))
