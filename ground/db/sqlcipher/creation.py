"""Test databases of the SQLCipher backend are files: an in-memory one would be another library's."""

# ruff: noqa: ARG002  (Django hands verbosity to each of them)

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.db.backends.sqlite3.creation import DatabaseCreation as StockCreation


class DatabaseCreation(StockCreation):
    def _get_test_db_name(self) -> str:
        name = self.connection.settings_dict["TEST"]["NAME"]
        if not name:
            raise AssertionError("tests on SQLCipher need TEST['NAME'], a path")
        return str(name)

    def _create_test_db(self, verbosity: int, autoclobber: bool, keepdb: bool = False) -> str:
        path = Path(self._get_test_db_name())
        if not keepdb:
            self._remove(path)
        return str(path)

    def _destroy_test_db(self, test_database_name: str, verbosity: int) -> None:
        self._remove(Path(test_database_name))

    def get_test_db_clone_settings(self, suffix: str) -> dict[str, Any]:
        raise NotImplementedError("each test process makes its own file by TEST['NAME']")

    @staticmethod
    def _remove(path: Path) -> None:
        for each in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
            try:
                os.unlink(each)
            except FileNotFoundError:
                pass
