"""Units of work with the database in a job that takes long: in between, the writers' gate is free.

A connection that is open holds the gate, and a job of hours must not keep a switch waiting. Where the backend
can (SQLCipher), the connection is parked between two units of work: the file stays open, the gate is free,
and the next use takes it again and looks whether the database is still the same one. Elsewhere it is closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections


@contextmanager
def unit_of_work(alias: str = "default") -> Iterator[None]:
    """Let go of this thread's connection at the end, unless it was in use already at the beginning."""
    was_in_use = in_use(alias)
    try:
        yield
    finally:
        if not was_in_use:
            let_go(alias)


def let_go(alias: str = "default") -> None:
    """The gate is free of this thread from here on; no effect within a transaction."""
    connection = connections[alias]
    if connection.in_atomic_block:
        return
    if hasattr(connection, "park"):
        connection.park()
    else:
        connection.close()


def in_use(alias: str = "default") -> bool:
    """Whether this thread's connection is open and holds the gate."""
    connection = connections[alias]
    return connection.connection is not None and not getattr(connection, "is_parked", False)
