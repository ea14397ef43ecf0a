"""The whole journey over HTTP with live processes: lost, recovered, closed; bit for bit.

Here on the embedded database and broker; `test_journey_on_servers` plays it on PostgreSQL and Redis.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from config.demo.journey import CUSTODY, DESK, UNIT_A, UNIT_B, Brought, Journey, newest_header
from config.supervisor.setup import renew_after_restore
from config.supervisor.world import World
from tests.support.worlds import bring_in_all, refusal_of, small_disks

pytestmark = [pytest.mark.timeout(300)]


@dataclass
class Story:
    """What happened so far."""

    world: World
    journey: Journey
    target: Path
    disks: Path
    brought: list[Brought] = field(default_factory=list)
    image: dict[str, Any] = field(default_factory=dict)
    ticket: str = ""


@pytest.fixture(scope="module")
def story(world: World, tmp_path_factory: pytest.TempPathFactory) -> Story:
    return Story(world, Journey(world), world.root / "target", tmp_path_factory.mktemp("disks"))


@pytest.fixture(scope="module")
def backed_up(story: Story) -> Story:
    """Three images sealed in, one verified backup image outside."""
    story.brought = bring_in_all(story.journey, small_disks(story.disks))
    story.image = story.journey.back_up(UNIT_A, story.target)
    return story


@pytest.fixture(scope="module")
def lost(backed_up: Story) -> Story:
    """The unit is gone for good; the replacement's request waits at the desk; a ticket is open."""
    backed_up.world.forget_site(UNIT_A)
    shutil.rmtree(backed_up.world.sites[UNIT_A].root)
    backed_up.journey.request_transfer(UNIT_B)
    backed_up.ticket = backed_up.journey.open_ticket(newest_header(backed_up.target))
    return backed_up


@pytest.fixture(scope="module")
def half_approved(lost: Story) -> Story:
    """The replacement is reserved, and one of two people has approved."""
    lost.journey.reserve(lost.ticket)
    lost.journey.approve_as("ada", lost.ticket)
    return lost


@pytest.fixture(scope="module")
def keyed(half_approved: Story) -> Story:
    """The replacement holds the key."""
    journey, ticket = half_approved.journey, half_approved.ticket
    journey.approve_as("grace", ticket)
    journey.wait_ticket(ticket, "ready")
    journey.collect(UNIT_B, journey.ship(ticket))
    journey.wait_ticket(ticket, "installed")
    return half_approved


@pytest.fixture(scope="module")
def restored(keyed: Story) -> Story:
    newest = keyed.journey.newest_image(UNIT_B, keyed.target)
    keyed.journey.restore(UNIT_B, newest["id"])
    assert renew_after_restore(keyed.world)
    return keyed


def test_a_new_unit_has_one_active_key_that_was_drilled(story: Story) -> None:
    epoch = story.journey.active_epoch(UNIT_A)
    assert epoch["epoch"] == 1
    assert epoch["proof_how"] == "drilled"


def test_nobody_on_a_blank_unit_may_make_a_key(story: Story) -> None:
    with story.journey.at(UNIT_B, "recovery-operator") as unit:
        assert refusal_of(lambda: unit.post("keys/rotate", {"reason": "x"})) == "ground.forbidden"


def test_what_was_brought_in_is_compared_byte_for_byte(backed_up: Story) -> None:
    assert [backed_up.journey.compare(UNIT_A, brought) for brought in backed_up.brought] == [True, True, True]


def test_a_verified_image_lies_on_the_target(backed_up: Story) -> None:
    assert backed_up.image["state"] == "verified"
    assert backed_up.image["epoch"] == 1


def test_a_near_copy_costs_little(backed_up: Story) -> None:
    assert backed_up.image["stored_bytes"] < 0.75 * sum(brought.size for brought in backed_up.brought)


def test_an_unchanged_backup_sends_next_to_nothing(backed_up: Story) -> None:
    again = backed_up.journey.back_up(UNIT_A, backed_up.target)
    assert again["sequence"] == backed_up.image["sequence"] + 1
    assert again["new_bytes"] < 2 << 20


def test_the_units_own_scan_finds_its_keys_nowhere(backed_up: Story) -> None:
    parts = ("db", "broker", "log", "spool", "store", "mail")
    paths = [site.root / part for site in backed_up.world.sites.values() for part in parts]
    there = [path for path in [*paths, backed_up.target] if path.exists()]
    found = backed_up.journey.scan(UNIT_A, *there)
    assert found["canary_hits"] == 0
    assert found["skipped"] == 0
    assert found["bytes"] > backed_up.image["stored_bytes"]


def test_nobody_approves_a_ticket_without_a_document(lost: Story) -> None:
    assert refusal_of(lambda: lost.journey.approve_as("ada", lost.ticket)) == "tickets.no-document"


def test_one_person_does_not_approve_twice(half_approved: Story) -> None:
    again = refusal_of(lambda: half_approved.journey.approve_as("ada", half_approved.ticket))
    assert again == "approvals.same-person"
    assert half_approved.journey.ticket(half_approved.ticket)["attempts"][-1]["approved_by"] == ["ada"]


def test_two_approvals_let_custody_seal_the_key_to_the_replacement(keyed: Story) -> None:
    ticket = keyed.journey.ticket(keyed.ticket)
    assert ticket["attempts"][-1]["approved_by"] == ["ada", "grace"]
    assert ticket["state"] == "installed"


def test_the_restored_content_is_the_lost_units_bit_for_bit(restored: Story) -> None:
    assert [restored.journey.compare(UNIT_B, brought) for brought in restored.brought] == [True, True, True]


def test_imported_keys_never_seal(restored: Story) -> None:
    with restored.journey.at(UNIT_B, "admin") as unit:
        states = {row["epoch"]: row["state"] for row in unit.each("keys")}
    assert "active" not in states.values()


def test_a_ticket_closes_after_rotation_and_a_first_verified_image(restored: Story) -> None:
    epoch = restored.journey.rotate(UNIT_B, "after the restore")
    assert epoch["epoch"] == 2
    image = restored.journey.back_up(UNIT_B, restored.target)
    assert image["epoch"] == 2
    restored.journey.wait_ticket(restored.ticket, "restored")
    assert restored.journey.close(restored.ticket)["state"] == "closed"


def test_custodys_scan_finds_no_key_anywhere(restored: Story) -> None:
    parts = ("db", "broker", "log", "mail")
    paths = [site.root / part for site in restored.world.sites.values() for part in parts]
    there = [path for path in [*paths, restored.target] if path.exists()]
    found = restored.journey.scan(CUSTODY, *there)
    assert found["canary_hits"] == 0
    assert found["bytes"] > restored.image["stored_bytes"]


def test_the_event_logs_of_both_sides_verify(restored: Story) -> None:
    for site in (UNIT_B, DESK, CUSTODY):
        restored.world.sites[site].manage("verify_events")
