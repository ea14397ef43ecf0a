"""Random kills of engine and key process while backups run; every image stays restorable."""

from __future__ import annotations

import pytest

from config.demo.journey import UNIT_A
from tests.support import figures
from tests.support.strikes import BACKUPS, TIMEOUT, Struck

pytestmark = pytest.mark.timeout(TIMEOUT)


def test_kills_during_backups_leave_every_image_restorable(struck: Struck) -> None:
    with struck.journey.at(UNIT_A, "admin") as unit:
        target = struck.journey.target(unit, struck.target)
        for _ in range(BACKUPS):
            struck.striker.strike(UNIT_A, unit, lambda: unit.post("backup-images", {"target": target}), 0.8)
            assert struck.striker.look(UNIT_A) == ""
    assert struck.striker.kills.total() == BACKUPS
    figures.note("random kills in backups", f"{BACKUPS} kills, no image lost", struck.striker.seed)
