"""Tables of the store's index, and the step from the version before.

Version 2 remembers what a collection needs: how many bytes of chunks a pack holds, how many of them anybody
needs, since when a pack is on its way out, and when an object was last put.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

SCHEMA_VERSION: Final = 2
READABLE: Final = (1, SCHEMA_VERSION)  # a reader asks for nothing that version 1 has not

_SCHEMA: Final = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
    # content: bytes of all its chunks. live: of those needed, by the last look. leaving: since when none is.
    """CREATE TABLE pack (
        id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, data_key TEXT NOT NULL,
        generation INTEGER NOT NULL, content INTEGER NOT NULL DEFAULT 0, live INTEGER, leaving INTEGER)""",
    """CREATE TABLE chunk (
        id BLOB PRIMARY KEY, pack INTEGER NOT NULL, ordinal INTEGER NOT NULL, offset INTEGER NOT NULL,
        stored INTEGER NOT NULL, length INTEGER NOT NULL, kind INTEGER NOT NULL, encoding INTEGER NOT NULL)
        WITHOUT ROWID""",
    """CREATE TABLE recipe (id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE,
        generation INTEGER NOT NULL, touched INTEGER NOT NULL DEFAULT 0)""",
    """CREATE TABLE recipe_pack (recipe INTEGER NOT NULL, pack INTEGER NOT NULL, PRIMARY KEY (recipe, pack))
        WITHOUT ROWID""",
    # last-pack: the highest row a pack ever had. Rows are not used twice: a reader may remember one.
    "INSERT INTO meta VALUES ('fence', 0), ('generation', 0), ('last-pack', 0)",
)
_FROM_1: Final = (
    "ALTER TABLE pack ADD COLUMN content INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE pack ADD COLUMN live INTEGER",
    "ALTER TABLE pack ADD COLUMN leaving INTEGER",
    "ALTER TABLE recipe ADD COLUMN touched INTEGER NOT NULL DEFAULT 0",
    "INSERT INTO meta SELECT 'last-pack', coalesce(max(id), 0) FROM pack",
    """UPDATE pack SET content = sums.bytes
        FROM (SELECT pack, sum(stored) AS bytes FROM chunk GROUP BY pack) AS sums
        WHERE sums.pack = pack.id""",
)

Run = Callable[..., Any]


def create(run: Run) -> None:
    """The tables of an empty file. Inside the caller's transaction."""
    for statement in _SCHEMA:
        run(statement)
    run(f"PRAGMA user_version = {SCHEMA_VERSION}")


def upgrade(run: Run) -> None:
    """From version 1. Nobody knows when its objects were put: the grace of each begins now."""
    for statement in _FROM_1:
        run(statement)
    run("UPDATE recipe SET touched = ?", (int(time.time()),))
    run(f"PRAGMA user_version = {SCHEMA_VERSION}")
