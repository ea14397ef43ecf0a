"""SQLCipher backend.

Options beside those of Django's SQLite backend:

key_provider  callable or dotted path → 32 raw bytes. The key is asked for at each connection and never
              stands in settings, argv or the environment. It is a raw key: a passphrase would cost
              300 ms of key derivation at each connection.
gate          True (default): the connection holds the writers' gate while it is open. False for scratch
              databases, which nobody else can reach, and for the one that holds the gate exclusively.

The file must never be opened by the standard library's ``sqlite3`` in the same process: two SQLite
libraries would each drop the other's POSIX locks.
"""

from __future__ import annotations

import datetime as dt
import decimal
import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import tee
from pathlib import Path
from typing import Any

import sqlcipher3.dbapi2 as Database
from django.core.exceptions import ImproperlyConfigured
from django.db.backends.sqlite3 import base as stock
from django.db.backends.sqlite3._functions import (  # type: ignore[import-untyped]  # no stubs
    register as register_functions,
)
from django.db.backends.sqlite3.features import DatabaseFeatures as StockFeatures
from django.utils.dateparse import parse_date, parse_datetime, parse_time
from django.utils.module_loading import import_string

from ground.db.gate import SharedHold
from ground.db.sqlcipher.creation import DatabaseCreation

KEY_BYTES = 32

# Converters and adapters are registered per DB-API module; Django registered its own for sqlite3 only.
Database.register_converter("bool", b"1".__eq__)
Database.register_converter("date", stock.decoder(parse_date))
Database.register_converter("time", stock.decoder(parse_time))
Database.register_converter("datetime", stock.decoder(parse_datetime))
Database.register_converter("timestamp", stock.decoder(parse_datetime))
Database.register_adapter(decimal.Decimal, str)
Database.register_adapter(dt.date, stock.adapt_date)
Database.register_adapter(dt.datetime, stock.adapt_datetime)


def _make_shared(path: Path) -> None:
    """Create the file with group rights as far as the umask lets them; SQLite alone would never give any.

    Where web and engine run under user ids of their own, both write it; its log files take its rights over.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o660))
    except (FileExistsError, FileNotFoundError):
        pass  # there already; or no directory, which the driver tells better


class CursorWrapper(Database.Cursor):
    """Django's cursor over this driver: its own is bound to sqlite3's class by zero-argument super()."""

    convert_query = stock.SQLiteCursorWrapper.convert_query

    def execute(self, query: str, params: Sequence[Any] | Mapping[str, Any] | None = None) -> Any:
        if params is None:
            return super().execute(query)
        names = list(params) if isinstance(params, Mapping) else None
        return super().execute(self.convert_query(query, param_names=names), params)

    def executemany(self, query: str, param_list: Iterable[Any]) -> Any:
        peekable, rows = tee(iter(param_list))
        first = next(peekable, None)
        names = list(first) if isinstance(first, Mapping) and first else None
        return super().executemany(self.convert_query(query, param_names=names), rows)


class DatabaseFeatures(StockFeatures):
    # The parent computes these from the version of the standard library's SQLite, not from this one's.
    can_alter_table_drop_column = Database.sqlite_version_info >= (3, 35, 5)
    can_return_columns_from_insert = Database.sqlite_version_info >= (3, 35)
    can_return_rows_from_bulk_insert = can_return_columns_from_insert


class DatabaseWrapper(stock.DatabaseWrapper):
    """One encrypted file; a connection holds the writers' gate while it is open and not parked."""

    display_name = "SQLCipher"
    Database = Database
    features_class = DatabaseFeatures
    creation_class = DatabaseCreation

    _hold: SharedHold | None = None
    _parked: tuple[int, int] | None = None  # device and inode of the file that a parked connection has open

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        provider = params.pop("key_provider", None)
        if provider is None:
            raise ImproperlyConfigured("the SQLCipher backend needs OPTIONS['key_provider']")
        self._key_provider = import_string(provider) if isinstance(provider, str) else provider
        self._gated = bool(params.pop("gate", True))
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        hold = None
        path = Path(str(conn_params["database"]).removeprefix("file:").split("?")[0])
        if self._gated:
            hold = SharedHold()
            self._prepare_current(path)
        _make_shared(path)
        try:
            connection = Database.connect(**conn_params)
            try:
                self._unlock(connection)
            except BaseException:
                connection.close()
                raise
        except BaseException:
            if hold is not None:
                hold.release()
            raise
        self._hold = hold
        return connection

    def park(self) -> None:
        """Let go of the gate and keep the file open for the next unit of work (`ground.db.parking`).

        Opening anew and closing as the last one cost five flushes of the disk a time: the log is made, its
        directory flushed, and at the end all of it checkpointed.
        """
        if self.connection is None or self.in_atomic_block or self._hold is None:
            return
        found = os.stat(self.settings_dict["NAME"])
        self._parked = (found.st_dev, found.st_ino)
        self._let_go()

    def ensure_connection(self) -> None:
        """As the parent does; a parked connection takes the gate again, and gives way if the database was
        switched meanwhile."""
        parked = self._parked
        if parked is not None and self.connection is not None:
            self._hold = SharedHold()  # it stays parked if the gate does not open in time
            self._parked = None
            found = os.stat(self.settings_dict["NAME"])
            if (found.st_dev, found.st_ino) != parked:
                self.close()
        super().ensure_connection()

    @property
    def is_parked(self) -> bool:
        """Whether the file is open and the gate is not held."""
        return self._parked is not None and self.connection is not None

    def _unlock(self, connection: Any) -> None:
        key = self._key_provider()
        if len(key) != KEY_BYTES:
            raise ImproperlyConfigured(f"the database key must be {KEY_BYTES} bytes")
        connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")  # must be the first statement
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # a wrong key fails here
        register_functions(connection)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA legacy_alter_table = OFF")
        for command in self.init_commands:  # type: ignore[attr-defined]  # not in the stubs
            if command := command.strip():
                connection.execute(command)

    def create_cursor(self, name: str | None = None) -> Any:  # noqa: ARG002  (no named cursors)
        return self.connection.cursor(factory=CursorWrapper)

    def _close(self) -> None:
        self._parked = None
        try:
            super()._close()  # type: ignore[misc]  # not in the stubs
        finally:
            self._let_go()

    def _let_go(self) -> None:
        hold, self._hold = self._hold, None
        if hold is not None:
            hold.release()

    @staticmethod
    def _prepare_current(path: Path) -> None:
        """Make the first generation of a fresh site, so that plain `migrate` needs no preparation."""
        if not path.parent.exists():
            from ground.db.generations import ensure_current

            ensure_current(path.parent)
