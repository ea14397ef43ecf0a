"""Generations on PostgreSQL: schemas of one database, switched by two renames in one transaction."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from django.db import connections

from ground.db.gate import GateBusy
from ground.db.postgres.base import GATE_LOCK, LIVE_SCHEMA, TURN_LOCK

_SCHEMA = re.compile(r"strongroom_[0-9a-f]{20}")


def create(schema: str) -> None:
    _run(f'CREATE SCHEMA "{_checked(schema)}"')


def drop(schema: str) -> None:
    _run(f'DROP SCHEMA IF EXISTS "{_checked(schema)}" CASCADE')


def names() -> list[str]:
    """Schemas of generations that are not live."""
    with _connection() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'strongroom\\_%' ORDER BY nspname"
        )
        return [name for (name,) in cursor.fetchall() if _SCHEMA.fullmatch(name)]


def rename_live(new: str, old: str) -> None:
    """Make schema `new` the live one and give the live one the name `old`, in one transaction."""
    with _connection() as connection, connection.transaction(), connection.cursor() as cursor:
        cursor.execute(f'ALTER SCHEMA "{LIVE_SCHEMA}" RENAME TO "{_checked(old)}"')
        cursor.execute(f'ALTER SCHEMA "{_checked(new)}" RENAME TO "{LIVE_SCHEMA}"')


@contextlib.contextmanager
def exclusive(*, timeout: float) -> Iterator[None]:
    """Hold the advisory locks alone, on a connection of its own that ends with the block."""
    import psycopg

    with _connection() as connection, connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {int(timeout * 1000)}")
        try:
            cursor.execute("SELECT pg_advisory_lock(%s)", [TURN_LOCK])
            cursor.execute("SELECT pg_advisory_lock(%s)", [GATE_LOCK])
        except psycopg.errors.LockNotAvailable as error:
            raise GateBusy(waited_seconds=timeout) from error
        yield


@contextlib.contextmanager
def _connection() -> Iterator[Any]:
    """A bare connection outside Django's: no gate, no search path, autocommit."""
    import psycopg

    settings = connections["default"].settings_dict
    with psycopg.connect(
        dbname=settings["NAME"],
        user=settings["USER"] or None,
        password=settings["PASSWORD"] or None,
        host=settings["HOST"] or None,
        port=settings["PORT"] or None,
        autocommit=True,
    ) as connection:
        yield connection


def _run(statement: str) -> None:
    with _connection() as connection:
        connection.execute(statement)


def _checked(schema: str) -> str:
    if not _SCHEMA.fullmatch(schema):
        raise ValueError(f"{schema!r} names no generation")
    return schema
