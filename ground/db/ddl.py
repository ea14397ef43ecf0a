"""Statements that no model can state (triggers, views), in the words of each engine."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.backends.base.base import BaseDatabaseWrapper


def execute(connection: BaseDatabaseWrapper, *, sqlite: Iterable[str], postgresql: Iterable[str]) -> None:
    """Run the statements of this connection's engine, one after the other."""
    with connection.cursor() as cursor:
        for statement in postgresql if connection.vendor == "postgresql" else sqlite:
            cursor.execute(statement)
