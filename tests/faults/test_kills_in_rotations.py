"""Random kills of engine and key process while keys rotate; one active, proven key is left each time."""

from __future__ import annotations

import pytest

from config.demo.journey import UNIT_A
from tests.support import figures
from tests.support.strikes import ROTATIONS, TIMEOUT, Struck

pytestmark = pytest.mark.timeout(TIMEOUT)


def test_kills_during_rotations_leave_one_active_proven_key(struck: Struck) -> None:
    with struck.journey.at(UNIT_A, "admin") as unit:
        for _ in range(ROTATIONS):
            struck.striker.strike(UNIT_A, unit, lambda: unit.post("keys/rotate", {"reason": "kills"}), 1.2)
            assert struck.striker.look(UNIT_A) == ""
    assert struck.striker.kills.total() == ROTATIONS
    figures.note("random kills in rotations", f"{ROTATIONS} kills, one active key", struck.striker.seed)
