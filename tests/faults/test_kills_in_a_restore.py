"""Random kills of engine and key process while a replacement restores; the lost unit's content is back.

A world is restored once, so the kills that its restore leaves over strike rotations of the unit that came
back; the figure says how many those were.
"""

from __future__ import annotations

import shutil

import pytest

from config.demo.journey import UNIT_A, UNIT_B, all_headers
from config.supervisor.setup import renew_after_restore
from tests.support import figures
from tests.support.strikes import RESTORES, SWITCHED, TIMEOUT, Struck

pytestmark = pytest.mark.timeout(TIMEOUT)


def test_kills_during_a_restore_end_in_the_lost_units_content(struck: Struck) -> None:
    """A restore that was struck is started again by a person, or went on by itself, until it switches."""
    journey, striker = struck.journey, struck.striker
    journey.back_up(UNIT_A, struck.target)
    struck.world.forget_site(UNIT_A)
    shutil.rmtree(struck.world.sites[UNIT_A].root)
    journey.request_transfer(UNIT_B)
    ticket = journey.open_ticket(all_headers(struck.target))
    journey.reserve(ticket)
    journey.approve(ticket)
    journey.wait_ticket(ticket, "ready")
    journey.collect(UNIT_B, journey.ship(ticket))
    image = journey.newest_image(UNIT_B, struck.target)["id"]
    ends: list[str] = []
    with journey.at(UNIT_B, "recovery-operator") as unit:
        while len(ends) < RESTORES and SWITCHED not in ends:
            ends.append(
                striker.strike(UNIT_B, unit, lambda: unit.post(f"backup-images/{image}/restore"), 0.9)
            )
            assert striker.look(UNIT_B) == ""
        while SWITCHED not in ends:
            ends.append(striker.unharmed(unit, unit.post(f"backup-images/{image}/restore")))
    assert renew_after_restore(struck.world)
    in_restore = striker.kills.total()
    with journey.at(UNIT_B, "admin") as unit:
        for _ in range(RESTORES - len(ends)):
            striker.strike(UNIT_B, unit, lambda: unit.post("keys/rotate", {"reason": "after"}), 1.2)
            assert striker.look(UNIT_B) == ""
    assert [journey.compare(UNIT_B, brought) for brought in struck.brought] == [True, True, True]
    assert set(striker.kills) == {"engine", "keys"}
    figures.note(
        "random kills in a restore",
        f"{in_restore} kills in it, {RESTORES - len(ends)} in rotations after it; every image whole",
        striker.seed,
    )
