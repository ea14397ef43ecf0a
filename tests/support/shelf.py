"""Sites of units, kept as they were made once and copied for each test that asks for one like it.

What stands on the shelf came there by the real path: factory, enrolment, a whole rotation. Only doing it
anew for each test is saved. A copy has the identity and keys of its original, which is gone by then.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.db import connections

from config.site import site
from ground.db import gate, generations

EMPTY: Final = "empty"
_FOLDERS: Final = ("keys", "store", "spool")
_ROOT: Final = "keys.root"  # of the vault, in the site's secrets


class Shelf:
    """One for each site, in its directory."""

    def __init__(self) -> None:
        self.place: Final = site().root / "shelf"

    def has(self, name: str) -> bool:
        return (self.place / name).is_dir()

    def keep(self, name: str, *beside: Path) -> None:
        """The site as it stands now, with folders `beside` it, unless one of that name is kept. Its key
        process may run on."""
        if self.has(name):
            return
        connections["default"].close()  # the last to close writes everything into the one file
        kept = self.place / name
        kept.mkdir(parents=True)
        shutil.copy2(site().current_database, kept / "database")
        for folder in (*(site().root / name for name in _FOLDERS), *beside):
            if folder.is_dir():
                shutil.copytree(folder, kept / folder.name, symlinks=True)
        if (site().secrets / _ROOT).is_file():
            shutil.copy2(site().secrets / _ROOT, kept / _ROOT)

    def put(self, name: str, *beside: Path) -> None:
        """Make the site what was kept. Nothing of it may be open, no key process run."""
        kept = self.place / name
        self._put_database(kept / "database")
        for folder in (*(site().root / name for name in _FOLDERS), *beside):
            shutil.rmtree(folder, ignore_errors=True)
            if (kept / folder.name).is_dir():
                shutil.copytree(kept / folder.name, folder, symlinks=True)
        (site().secrets / _ROOT).unlink(missing_ok=True)
        if (kept / _ROOT).is_file():
            shutil.copy2(kept / _ROOT, site().secrets / _ROOT)

    def put_empty(self) -> None:
        """A site without a unit, its database migrated and without a row."""
        if not self.has(EMPTY):
            self._keep_empty()
        self.put(EMPTY)

    def _keep_empty(self) -> None:
        fresh = generations.new_generation()
        with generations.scratch(fresh) as alias:
            generations.migrate(alias)
        (self.place / EMPTY).mkdir(parents=True)
        shutil.copy2(fresh.file, self.place / EMPTY / "database")
        generations.remove(fresh)

    def _put_database(self, kept: Path) -> None:
        connections["default"].close()
        with _alone():
            for orphan in generations.orphans():
                generations.remove(orphan)
            for path in site().current_database.parent.iterdir():
                path.unlink()  # with its write-ahead log, which belongs to the database that goes
            shutil.copy2(kept, site().current_database)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Hold the gate alone; garbage (40 ms) is collected only where a thread left its connection open."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(gate.exclusive(timeout=0.05))
        except gate.GateBusy:
            stack.enter_context(generations.exclusive())
        yield
