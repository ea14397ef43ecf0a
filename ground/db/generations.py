"""Database generations: a restore builds a second database and switches to it by one rename.

SQLCipher: a generation is a directory ``<site>/db/<name>/`` with the file and its write-ahead log, and
``<site>/db/current`` a symbolic link to the live one. PostgreSQL: a generation is a schema, the live one
is called ``strongroom``; two renames in one transaction switch (`ground.db.postgres.schemas`).

The order of a switch: everyone is out (`gate.exclusive`), `before` merges the unit's own rows from the
live database into the new one, the rename, everyone in again, on the new one. A crash before the rename
leaves the old database live and the new one an orphan; after it, the new one live: never a mixture.
"""

from __future__ import annotations

import contextlib
import gc
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from django.db import connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import load_backend

from config.site import DATABASE_FILE, make_private_directory, site
from ground.db import gate
from ground.db.parking import unit_of_work
from ground.files import files

SHARED = 0o770  # as far as the umask lets it: web and engine may have user ids of their own
_NAME = re.compile(r"[0-9a-f]{20}")  # 12 digits of seconds, 8 random: sorts by age, fits a schema name

_SCHEMA_SQL = """
    SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
    ORDER BY CASE type WHEN 'table' THEN 0 WHEN 'view' THEN 1 WHEN 'index' THEN 2 ELSE 3 END, rowid
"""


@dataclass(frozen=True)
class Generation:
    """One database of the site, live or not."""

    name: str

    @property
    def directory(self) -> Path:
        return site().db / self.name

    @property
    def file(self) -> Path:
        return self.directory / DATABASE_FILE

    @property
    def schema(self) -> str:
        return f"strongroom_{self.name}"


def current() -> Generation | None:
    """The live generation; None before the first connection of a fresh site, and on PostgreSQL."""
    try:
        return Generation((site().db / "current").readlink().name)
    except FileNotFoundError:
        return None


def ensure_current(link: Path) -> None:
    """Give a fresh site its first generation. Two processes at once end up with the same one."""
    make_private_directory(link.parent)
    directory = link.parent / _fresh_name()
    fs = files()
    fs.mkdir(directory, mode=SHARED)
    try:
        link.symlink_to(directory.name)  # fails if another process was faster
    except FileExistsError:
        directory.rmdir()
    fs.fsync_dir(link.parent)


def new_generation() -> Generation:
    """An empty database beside the live one, reachable only by `scratch`."""
    generation = Generation(_fresh_name())
    if _is_postgresql():
        from ground.db.postgres.schemas import create

        create(generation.schema)
    else:
        files().mkdir(generation.directory, mode=SHARED)
    return generation


@contextlib.contextmanager
def scratch(generation: Generation) -> Iterator[str]:
    """A database alias for `generation`, open in this thread only, outside the writers' gate."""
    with _alias(f"scratch_{generation.name}", generation) as alias:
        yield alias


def migrate(alias: str, targets: Iterable[tuple[str, str]] | None = None) -> None:
    """Bring the database behind `alias` to the named migrations, or to the newest ones.

    No signals are sent: what they would make (content types) comes from the live database, or nobody
    needs it. Every data migration uses ``schema_editor.connection.alias``.
    """
    executor = MigrationExecutor(connections[alias])
    executor.migrate(list(targets) if targets is not None else executor.loader.graph.leaf_nodes())


def copy_schema(alias: str, recorded: set[tuple[str, str]]) -> bool:
    """Give the empty database behind `alias` the tables, indexes and triggers of the live one, without rows.

    For a state that the live database is in as well: then it is what the migrations would make, and takes a
    hundredth of the time (Django renders every model anew at almost every step of a migration). False, and
    nothing done, where the live one stands elsewhere or the engine is another.
    """
    if _is_postgresql():
        return False
    with unit_of_work():
        live = connections["default"]
        if set(MigrationRecorder(live).applied_migrations()) != recorded:
            return False
        with live.cursor() as cursor:
            cursor.execute(_SCHEMA_SQL)
            statements = [sql for (sql,) in cursor.fetchall()]
            cursor.execute("SELECT app, name, applied FROM django_migrations ORDER BY id")
            applied = cursor.fetchall()
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        cursor.executemany("INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, %s)", applied)
    return True


def applied_migrations(alias: str = "default") -> dict[str, list[str]]:
    """App label → names of its applied migrations, sorted: the migration state an image carries."""
    state: dict[str, list[str]] = {}
    for app, name in sorted(MigrationExecutor(connections[alias]).loader.applied_migrations):
        state.setdefault(app, []).append(name)
    return state


def switch_database(
    generation: Generation,
    before: Callable[[str, str], None] | None = None,
    *,
    timeout: float = gate.EXCLUSIVE_TIMEOUT,
) -> Generation | None:
    """Make `generation` the live database; returns the one that was (to be removed later).

    `before(live_alias, scratch_alias)` runs while nobody else is connected: the place to copy the rows
    the unit keeps. If it raises, nothing is switched. This thread's connections are closed first; other
    threads of the process must let go of theirs like every other process. Raises `GateBusy`.
    """
    connections["default"].close()
    with exclusive(timeout=timeout):
        if before is not None:
            with _alias("live_ungated", None) as live, scratch(generation) as target:
                before(live, target)
        if _is_postgresql():
            from ground.db.postgres.schemas import rename_live

            old = Generation(_fresh_name())
            rename_live(generation.schema, old.schema)
            return old
        _flush(generation)
        previous = current()
        files().symlink(generation.name, site().db / "current")
    return previous


@contextlib.contextmanager
def exclusive(*, timeout: float = gate.EXCLUSIVE_TIMEOUT) -> Iterator[None]:
    """Hold the writers' gate alone, on whichever engine the site uses. Raises `GateBusy`."""
    if _is_postgresql():
        from ground.db.postgres.schemas import exclusive as hold
    else:
        from ground.db.gate import exclusive as hold
    gc.collect()  # connections of threads that ended without closing theirs let go now
    with hold(timeout=timeout):
        yield


def remove(generation: Generation) -> None:
    """Delete a generation that is not live: an abandoned scratch database, or the one before a switch."""
    if not _NAME.fullmatch(generation.name):
        raise ValueError(f"{generation.name!r} names no generation")
    if _is_postgresql():
        from ground.db.postgres.schemas import drop

        drop(generation.schema)
        return
    live = current()
    if live is not None and generation.name == live.name:
        raise ValueError("the live generation is not removed")
    shutil.rmtree(generation.directory)
    files().fsync_dir(site().db)


def orphans() -> list[Generation]:
    """Generations that are not live: what a killed restore left, and predecessors not removed yet."""
    if _is_postgresql():
        from ground.db.postgres.schemas import names

        return [Generation(name.removeprefix("strongroom_")) for name in names()]
    live = current()
    if not site().db.is_dir():
        return []
    return [
        Generation(path.name)
        for path in sorted(site().db.iterdir())
        if path.is_dir() and not path.is_symlink() and _NAME.fullmatch(path.name)
        if live is None or path.name != live.name
    ]


@contextlib.contextmanager
def _alias(alias: str, generation: Generation | None) -> Iterator[str]:
    settings = deepcopy(connections["default"].settings_dict)
    settings["OPTIONS"]["gate"] = False
    if generation is not None and _is_postgresql():
        settings["OPTIONS"]["schema"] = generation.schema
    elif generation is not None:
        settings["NAME"] = str(generation.file)
        # Nobody relies on it before `_flush`, which makes every byte of it durable ahead of the switch; until
        # then a kill throws it away. So its hundreds of small transactions need not wait for the disk.
        commands = settings["OPTIONS"].get("init_command", "")
        settings["OPTIONS"]["init_command"] = f"{commands}; PRAGMA synchronous = OFF"
    # Set beside the configured ones, in this thread alone: no settings name it, no other code meets it.
    connections[alias] = load_backend(settings["ENGINE"]).DatabaseWrapper(settings, alias)
    try:
        yield alias
    finally:
        connections[alias].close()
        del connections[alias]


def _flush(generation: Generation) -> None:
    """Everything of the new database on disk before its name is switched in."""
    with scratch(generation) as alias, connections[alias].cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    fs = files()
    for path in generation.directory.iterdir():
        with path.open("rb") as file:
            fs.fsync(file.fileno(), path)
    fs.fsync_dir(generation.directory)


def _fresh_name() -> str:
    return f"{int(time.time()):012x}{secrets.token_hex(4)}"


def _is_postgresql() -> bool:
    return connections["default"].vendor == "postgresql"
