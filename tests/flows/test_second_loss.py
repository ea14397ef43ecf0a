"""A replacement is lost too: one ticket brings back every epoch that still has images."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from config.demo.journey import UNIT_A, UNIT_B, Brought, Journey, all_headers
from config.supervisor.setup import renew_after_restore
from config.supervisor.world import World
from tests.support.worlds import bring_in_all, living_world, small_disks

pytestmark = pytest.mark.timeout(400)
UNIT_C = "unit-c"


@dataclass
class Chain:
    """A world after its second loss: images of three epochs on the target, everything on a third unit."""

    world: World
    journey: Journey
    target: Path
    brought: list[Brought]


def lose(world: World, name: str) -> None:
    world.forget_site(name)
    shutil.rmtree(world.sites[name].root)


def recover(journey: Journey, target: Path, *, lost: str, onto: str) -> str:
    """One ticket from all headers on the target, through to the restored replacement."""
    journey.request_transfer(onto)
    ticket = journey.open_ticket(all_headers(target))
    journey.reserve(ticket, onto)
    journey.approve(ticket)
    journey.wait_ticket(ticket, "ready")
    journey.collect(onto, journey.ship(ticket))
    journey.wait_ticket(ticket, "installed")
    journey.restore(onto, journey.newest_image(onto, target)["id"])
    assert renew_after_restore(journey.world, onto, lost)
    return ticket


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    template, clone, other = small_disks(tmp_path_factory.mktemp("disks"))
    with living_world(units=(UNIT_A, UNIT_B, UNIT_C)) as world:
        journey, target = Journey(world), world.root / "target"
        brought = bring_in_all(journey, [template])
        journey.back_up(UNIT_A, target)
        journey.rotate(UNIT_A, "yearly")
        brought += bring_in_all(journey, [clone])
        journey.back_up(UNIT_A, target)
        lose(world, UNIT_A)
        first = recover(journey, target, lost=UNIT_A, onto=UNIT_B)
        journey.rotate(UNIT_B, "after the restore")
        brought += bring_in_all(journey, [other], UNIT_B)
        journey.back_up(UNIT_B, target)
        journey.wait_ticket(first, "restored")
        journey.close(first)
        lose(world, UNIT_B)
        recover(journey, target, lost=UNIT_B, onto=UNIT_C)
        yield Chain(world, journey, target, brought)


def test_one_ticket_brings_back_the_keys_of_three_epochs(chain: Chain) -> None:
    with chain.journey.at(UNIT_C, "admin") as unit:
        epochs = sorted(row["epoch"] for row in unit.each("keys"))
    assert epochs == [1, 2, 3]


def test_the_content_of_all_epochs_is_back_bit_for_bit(chain: Chain) -> None:
    assert [chain.journey.compare(UNIT_C, brought) for brought in chain.brought] == [True, True, True]


def test_every_image_of_every_epoch_opens_on_the_third_unit(chain: Chain) -> None:
    with chain.journey.at(UNIT_C, "admin") as unit:
        images = list(unit.each("backup-images"))
        for image in images:
            chain.journey.done(unit, unit.post(f"backup-images/{image['id']}/verify", {"depth": "full"}))
        states = {unit.get(f"backup-images/{image['id']}")["state"] for image in images}
    assert {image["epoch"] for image in images} == {1, 2, 3}
    assert states == {"verified"}


def test_the_next_key_is_the_fourth(chain: Chain) -> None:
    assert chain.journey.rotate(UNIT_C, "after the second restore")["epoch"] == 4
