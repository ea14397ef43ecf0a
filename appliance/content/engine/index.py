"""Index of the store: which chunk lies where, and which packs an object needs.

Derived data: everything here can be made again from the sealed footers of the packs (`Store.open` does).
Kept in SQLCipher, because ids beside sizes would tell a thief what was cut how. Measured at a million chunks:
6 µs a lookup in batches, 15 ms to publish a pack durably; that is 3 % of one core at full entry speed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlcipher3.dbapi2 as sqlcipher

from appliance.content.engine import index_schema
from appliance.content.errors import IndexUnreadable, StoreFenced
from sealing.content.ids import ChunkType
from sealing.content.manifest import PackRef
from sealing.content.pack import ChunkEntry

_LOOKUP: Final = 400  # ids in one query
_BUSY_SECONDS: Final = 30
_CACHE_KIB: Final = 24 * 1024
_LOCATE: Final = "SELECT id, pack, ordinal, offset, stored, length, kind, encoding FROM chunk WHERE id IN"
_PACKS_OF: Final = (
    "SELECT pack.digest, pack.size, pack.data_key FROM recipe"
    " JOIN recipe_pack ON recipe_pack.recipe = recipe.id JOIN pack ON pack.id = recipe_pack.pack"
    " WHERE recipe.digest = ?"
)


@dataclass(frozen=True, slots=True)
class Location:
    """Where a chunk lies: the pack's row, and the entry as its footer has it."""

    pack: int
    entry: ChunkEntry


@dataclass(frozen=True, slots=True)
class IndexStatistics:
    packs: int
    stored_bytes: int
    chunks: int
    recipes: int
    generation: int


class Index:
    """One connection, used by several threads under a lock. Writes are one transaction each, durable."""

    def __init__(self, path: Path, pragma_key: str, *, create: bool) -> None:
        """Open it; `IndexUnreadable` if absent (without `create`), damaged, of another key or version."""
        if not create and not path.exists():
            raise IndexUnreadable(reason="absent")
        self._lock: Final = threading.RLock()
        self._fence: int | None = None
        self._connection: Final[Any] = sqlcipher.connect(
            str(path), isolation_level=None, check_same_thread=False, timeout=_BUSY_SECONDS
        )
        try:
            self._prepare(pragma_key, create=create)
        except sqlcipher.DatabaseError as error:
            self._connection.close()
            raise IndexUnreadable(reason="key or damage") from error
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self, pragma_key: str, *, create: bool) -> None:
        run = self._connection.execute
        run(f'PRAGMA key = "{pragma_key}"')
        run("SELECT count(*) FROM sqlite_master").fetchone()  # fails here with a wrong key, not later
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")
        run(f"PRAGMA cache_size = -{_CACHE_KIB}")
        run("PRAGMA temp_store = MEMORY")  # nothing of it in a clear temporary file
        (version,) = run("PRAGMA user_version").fetchone()
        if version == 0 and create:
            with self.transaction(check_fence=False):
                index_schema.create(run)
        elif version == 1 and create:
            with self.transaction(check_fence=False):
                index_schema.upgrade(run)
        elif version not in index_schema.READABLE:
            raise IndexUnreadable(reason="version", version=version)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def take_over(self) -> None:
        """Become the writer: a higher fence number than any writer before."""
        with self._relaxed(), self.transaction(check_fence=False):
            self.run("UPDATE meta SET value = value + 1 WHERE name = 'fence'")
            self._fence = self._meta("fence")

    def next_generation(self) -> int:
        """A new generation, for one batch."""
        with self._relaxed(), self.transaction():
            self.run("UPDATE meta SET value = value + 1 WHERE name = 'generation'")
            return self._meta("generation")

    # Packs and chunks.

    def add_pack(self, ref: PackRef, entries: Sequence[ChunkEntry], generation: int) -> int:
        """Make a durable pack visible; returns its row. A chunk that is there already keeps its place."""
        with self.transaction():
            known = self.pack_row(ref.digest)
            if known is not None:
                return known
            row = self.new_pack(ref, entries, generation)
            self._connection.executemany(
                "INSERT OR IGNORE INTO chunk VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (e.id, row, e.ordinal, e.offset, e.stored, e.length, int(e.kind), e.encoding)
                    for e in sorted(entries, key=lambda e: e.id)
                ],
            )
            return row

    def new_pack(self, ref: PackRef, entries: Sequence[ChunkEntry], generation: int) -> int:
        """The row of a pack that is not known yet. Inside a `transaction`."""
        self.run("UPDATE meta SET value = value + 1 WHERE name = 'last-pack'")
        row = self._meta("last-pack")
        self.run(
            "INSERT INTO pack (id, digest, size, data_key, generation, content) VALUES (?, ?, ?, ?, ?, ?)",
            (row, ref.digest, ref.size, ref.data_key, generation, sum(entry.stored for entry in entries)),
        )
        return row

    def remove_packs(self, digests: Iterable[str]) -> None:
        """Forget packs that are not there any more, with their chunks and what depended on them."""
        with self.transaction():
            for digest in digests:
                row = self.pack_row(digest)
                for (recipe,) in self.select("SELECT recipe FROM recipe_pack WHERE pack = ?", (row,)):
                    self.run("DELETE FROM recipe WHERE id = ?", (recipe,))
                    self.run("DELETE FROM recipe_pack WHERE recipe = ?", (recipe,))
                self.run("DELETE FROM chunk WHERE pack = ?", (row,))
                self.run("DELETE FROM pack WHERE id = ?", (row,))

    def locate(self, ids: Sequence[bytes]) -> dict[bytes, Location]:
        """Where these chunks lie; those unknown are left out."""
        found: dict[bytes, Location] = {}
        for start in range(0, len(ids), _LOOKUP):
            some = ids[start : start + _LOOKUP]
            marks = ",".join("?" * len(some))
            for row in self.select(f"{_LOCATE} ({marks})", some):
                entry = ChunkEntry(row[2], row[3], row[4], row[5], ChunkType(row[6]), row[7], row[0])
                found[row[0]] = Location(row[1], entry)
        return found

    def pack_row(self, digest: str) -> int | None:
        rows = self.select("SELECT id FROM pack WHERE digest = ?", (digest,))
        return int(rows[0][0]) if rows else None

    def pack_ref(self, row: int) -> PackRef:
        (found,) = self.select("SELECT digest, size, data_key FROM pack WHERE id = ?", (row,))
        return PackRef(*found)

    def packs(self) -> Iterator[PackRef]:
        """Every pack, by digest."""
        for row in self.select("SELECT digest, size, data_key FROM pack ORDER BY digest"):
            yield PackRef(*row)

    # Recipes.

    def add_recipe(self, digest: str, packs: Iterable[int], generation: int) -> None:
        """Register an object and the packs it needs; one that is registered is put again: its grace too."""
        with self.transaction():
            self.run(
                "INSERT INTO recipe (digest, generation, touched) VALUES (?, ?, ?)"
                " ON CONFLICT (digest) DO UPDATE SET touched = excluded.touched",
                (digest, generation, int(time.time())),
            )
            row = self._recipe_row(digest)
            self._connection.executemany(
                "INSERT OR IGNORE INTO recipe_pack VALUES (?, ?)",
                [(row, pack) for pack in sorted(set(packs))],
            )

    def touch_recipe(self, digest: str) -> bool:
        """Somebody relies on this object just now; False if it is not registered."""
        with self.transaction():
            moment = (int(time.time()), digest)
            return bool(self.run("UPDATE recipe SET touched = ? WHERE digest = ?", moment).rowcount)

    def has_recipe(self, digest: str) -> bool:
        return self._recipe_row(digest) is not None

    def packs_of(self, digests: Iterable[str]) -> list[PackRef]:
        """Packs that these registered objects need, once each, by digest."""
        found: dict[str, PackRef] = {}
        for digest in digests:
            found.update((row[0], PackRef(*row)) for row in self.select(_PACKS_OF, (digest,)))
        return [found[digest] for digest in sorted(found)]

    def generation(self) -> int:
        """The newest batch's number."""
        return self._meta("generation")

    def statistics(self) -> IndexStatistics:
        with self._lock:
            ((packs, stored),) = self.select("SELECT count(*), coalesce(sum(size), 0) FROM pack")
            ((chunks,),) = self.select("SELECT count(*) FROM chunk")
            ((recipes,),) = self.select("SELECT count(*) FROM recipe")
            return IndexStatistics(packs, stored, chunks, recipes, self._meta("generation"))

    # One way to the connection, for this file and for `index_leaving`.

    def _recipe_row(self, digest: str) -> int | None:
        rows = self.select("SELECT id FROM recipe WHERE digest = ?", (digest,))
        return int(rows[0][0]) if rows else None

    def _meta(self, name: str) -> int:
        ((value,),) = self.select("SELECT value FROM meta WHERE name = ?", (name,))
        return int(value)

    def run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """Execute one statement; a change belongs inside a `transaction`."""
        with self._lock:
            return self._connection.execute(sql, values)

    def select(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self._lock:
            rows: list[tuple[Any, ...]] = self._connection.execute(sql, values).fetchall()
            return rows

    @contextmanager
    def _relaxed(self) -> Iterator[None]:
        """A commit that does not wait for the disk: for the two numbers that tell living writers and batches
        apart. A power cut may take the newest back, and with it all that was written under it; whatever is
        committed later is flushed together with it, because the log is one file."""
        with self._lock:
            self._connection.execute("PRAGMA synchronous = NORMAL")
            try:
                yield
            finally:
                self._connection.execute("PRAGMA synchronous = FULL")

    @contextmanager
    def transaction(self, *, check_fence: bool = True) -> Iterator[None]:
        """One durable transaction of the one writer; `StoreFenced` if there is a newer one. Within another
        one it is part of that, which ends it."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                if check_fence and self._meta("fence") != self._fence:
                    raise StoreFenced()
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
