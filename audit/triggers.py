"""Database triggers that refuse UPDATE and DELETE of events, on both engines.

They guard against our own mistakes and against SQL slipped in through the application; whoever owns
the database can drop them, which is what the chain of digests is for.
"""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

from ground.db import ddl

_SQLITE = [
    """CREATE TRIGGER IF NOT EXISTS audit_event_no_update BEFORE UPDATE ON audit_event
       BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END""",
    """CREATE TRIGGER IF NOT EXISTS audit_event_no_delete BEFORE DELETE ON audit_event
       BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END""",
    """CREATE TRIGGER IF NOT EXISTS audit_chain_no_delete BEFORE DELETE ON audit_chain
       BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END""",
]
_SQLITE_REMOVE = [
    "DROP TRIGGER IF EXISTS audit_event_no_update",
    "DROP TRIGGER IF EXISTS audit_event_no_delete",
    "DROP TRIGGER IF EXISTS audit_chain_no_delete",
]
_POSTGRESQL = [
    """CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN RAISE EXCEPTION 'the event log is append-only' USING ERRCODE = 'restrict_violation'; END $$""",
    """CREATE OR REPLACE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event
       FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()""",
    """CREATE OR REPLACE TRIGGER audit_chain_append_only BEFORE DELETE OR TRUNCATE ON audit_chain
       FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()""",
]
_POSTGRESQL_REMOVE = [
    "DROP TRIGGER IF EXISTS audit_event_append_only ON audit_event",
    "DROP TRIGGER IF EXISTS audit_chain_append_only ON audit_chain",
    "DROP FUNCTION IF EXISTS audit_append_only()",
]


def install(connection: BaseDatabaseWrapper) -> None:
    """Make the triggers; harmless when they are there."""
    ddl.execute(connection, sqlite=_SQLITE, postgresql=_POSTGRESQL)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Drop the triggers: for undoing the migration, nothing else."""
    ddl.execute(connection, sqlite=_SQLITE_REMOVE, postgresql=_POSTGRESQL_REMOVE)
