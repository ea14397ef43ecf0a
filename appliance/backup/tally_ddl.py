"""The tally of images as the database itself keeps it: how many of each key there are on
each target, in each state.

A summary of a hundred thousand images must not read them. On SQLite, whose pages are opened anew for each
request, triggers count along with every insert, delete and move, whoever makes it; there is one writer at a
time, so the counting cannot lock anybody out. PostgreSQL counts a covering index in less than the time there
is for it, and rows that many writers share would make them wait for each other: there it is a view.

SQLite drops the triggers of a table that a migration makes anew (any AlterField): such a migration calls
`install` again. PostgreSQL refuses to alter a column that the view reads: such a
migration calls `remove` first.
"""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

from ground.db import ddl

_SQLITE = [
    """CREATE TABLE IF NOT EXISTS appliance_backup_imagetally (
           id text NOT NULL PRIMARY KEY, target_id char(32) NOT NULL, key_id varchar(64) NOT NULL,
           state varchar(10) NOT NULL, images integer NOT NULL)""",
    "DELETE FROM appliance_backup_imagetally",
    """INSERT INTO appliance_backup_imagetally (id, target_id, key_id, state, images)
       SELECT target_id || ':' || key_id || ':' || state, target_id, key_id, state, COUNT(*)
       FROM appliance_backup_backupimage GROUP BY target_id, key_id, state""",
    """CREATE TRIGGER IF NOT EXISTS backup_image_tally_insert AFTER INSERT ON appliance_backup_backupimage
       BEGIN
         INSERT INTO appliance_backup_imagetally (id, target_id, key_id, state, images)
         VALUES (NEW.target_id || ':' || NEW.key_id || ':' || NEW.state,
                 NEW.target_id, NEW.key_id, NEW.state, 1)
         ON CONFLICT (id) DO UPDATE SET images = images + 1;
       END""",
    """CREATE TRIGGER IF NOT EXISTS backup_image_tally_delete AFTER DELETE ON appliance_backup_backupimage
       BEGIN
         UPDATE appliance_backup_imagetally SET images = images - 1
         WHERE id = OLD.target_id || ':' || OLD.key_id || ':' || OLD.state;
         DELETE FROM appliance_backup_imagetally
         WHERE id = OLD.target_id || ':' || OLD.key_id || ':' || OLD.state AND images <= 0;
       END""",
    """CREATE TRIGGER IF NOT EXISTS backup_image_tally_move
       AFTER UPDATE OF target_id, key_id, state ON appliance_backup_backupimage
       WHEN (OLD.target_id, OLD.key_id, OLD.state) <> (NEW.target_id, NEW.key_id, NEW.state)
       BEGIN
         UPDATE appliance_backup_imagetally SET images = images - 1
         WHERE id = OLD.target_id || ':' || OLD.key_id || ':' || OLD.state;
         DELETE FROM appliance_backup_imagetally
         WHERE id = OLD.target_id || ':' || OLD.key_id || ':' || OLD.state AND images <= 0;
         INSERT INTO appliance_backup_imagetally (id, target_id, key_id, state, images)
         VALUES (NEW.target_id || ':' || NEW.key_id || ':' || NEW.state,
                 NEW.target_id, NEW.key_id, NEW.state, 1)
         ON CONFLICT (id) DO UPDATE SET images = images + 1;
       END""",
]
_SQLITE_REMOVE = [
    "DROP TRIGGER IF EXISTS backup_image_tally_insert",
    "DROP TRIGGER IF EXISTS backup_image_tally_delete",
    "DROP TRIGGER IF EXISTS backup_image_tally_move",
    "DROP TABLE IF EXISTS appliance_backup_imagetally",
]
_POSTGRESQL = [
    """CREATE OR REPLACE VIEW appliance_backup_imagetally AS
       SELECT target_id || ':' || key_id || ':' || state AS id, target_id, key_id, state,
              COUNT(*)::integer AS images
       FROM appliance_backup_backupimage GROUP BY target_id, key_id, state""",
]
_POSTGRESQL_REMOVE = ["DROP VIEW IF EXISTS appliance_backup_imagetally"]


def install(connection: BaseDatabaseWrapper) -> None:
    """Make the tally and count once; harmless when it is there."""
    ddl.execute(connection, sqlite=_SQLITE, postgresql=_POSTGRESQL)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Drop the tally: for migrations."""
    ddl.execute(connection, sqlite=_SQLITE_REMOVE, postgresql=_POSTGRESQL_REMOVE)
