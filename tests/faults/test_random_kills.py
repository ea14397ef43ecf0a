"""Fifty random kills of engine and key process during backup, rotation and restore; nothing is ever lost."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from config.demo.journey import UNIT_A, UNIT_B, Brought, Journey, all_headers
from config.supervisor.setup import renew_after_restore
from config.supervisor.world import World
from tests.support import figures
from tests.support.strikes import SWITCHED, Striker, fresh_seed
from tests.support.worlds import bring_in_all, living_world, small_disks

# In every run 50 kills. `make attack-long` asks for as many of each flow; a world is restored once, so the
# kills that its restore leaves over strike rotations of the unit that came back.
ASKED = int(os.environ.get("STRONGROOM_KILLS") or 0)
pytestmark = [pytest.mark.kills, pytest.mark.timeout(590 + 30 * ASKED)]
BACKUPS, ROTATIONS, RESTORES = (ASKED, ASKED, ASKED) if ASKED else (20, 15, 15)
QUICK = {"STRONGROOM_JOB_LEASE_SECONDS": "1.5", "STRONGROOM_JOB_HEARTBEAT_SECONDS": "0.3"}


@dataclass
class Struck:
    """A world under fire."""

    world: World
    journey: Journey
    striker: Striker
    target: Path
    brought: list[Brought] = field(default_factory=list)


@pytest.fixture(scope="module")
def struck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Struck]:
    seed = fresh_seed()
    print(f"STRONGROOM_SEED={seed}")
    with living_world(extra=QUICK) as world:
        journey, target = Journey(world), world.root / "target"
        brought = bring_in_all(journey, small_disks(tmp_path_factory.mktemp("disks")))
        journey.back_up(UNIT_A, target)
        striker = Striker(world, seed)
        try:
            yield Struck(world, journey, striker, target, brought)
        finally:
            striker.close()


def test_kills_during_backups_leave_every_image_restorable(struck: Struck) -> None:
    with struck.journey.at(UNIT_A, "admin") as unit:
        target = struck.journey.target(unit, struck.target)
        for _ in range(BACKUPS):
            struck.striker.strike(UNIT_A, unit, lambda: unit.post("backup-images", {"target": target}), 0.8)
            assert struck.striker.look(UNIT_A) == ""
    assert struck.striker.kills.total() == BACKUPS


def test_kills_during_rotations_leave_one_active_proven_key(struck: Struck) -> None:
    before = struck.striker.kills.total()
    with struck.journey.at(UNIT_A, "admin") as unit:
        for _ in range(ROTATIONS):
            struck.striker.strike(UNIT_A, unit, lambda: unit.post("keys/rotate", {"reason": "kills"}), 1.2)
            assert struck.striker.look(UNIT_A) == ""
    assert struck.striker.kills.total() == before + ROTATIONS


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
    with journey.at(UNIT_B, "admin") as unit:
        for _ in range(RESTORES - len(ends)):
            striker.strike(UNIT_B, unit, lambda: unit.post("keys/rotate", {"reason": "after"}), 1.2)
            assert striker.look(UNIT_B) == ""
    assert [journey.compare(UNIT_B, brought) for brought in struck.brought] == [True, True, True]
    assert set(striker.kills) == {"engine", "keys"}
    figures.note(
        "random kills", f"{striker.kills.total()} kills, {len(struck.brought)} images whole", striker.seed
    )
