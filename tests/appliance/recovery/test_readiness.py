"""The survival readout: each link by itself, dated, with the one action that mends it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from appliance.backup.models import BackupImage, BackupTarget
from appliance.catalog.models import VirtualImage
from appliance.keys.models import KeyEpoch, LodgedValue
from appliance.recovery.readiness import Link, Readiness, readiness
from appliance.unit.models import Unit
from appliance.unit.selectors import unit
from sealing.jose import peek
from tests.support.bench import Bench, noise

NAMES = ["image", "key", "epoch", "value", "drill", "authority-key", "desk", "target"]


def link(found: Readiness, name: str) -> Link:
    return next(item for item in found.links if item.name == name)


def state(name: str) -> str:
    return link(readiness(), name).state


@pytest.fixture
def safe(unit_on_bench: Bench) -> Bench:
    """Nothing is wrong with this unit."""
    bench = unit_on_bench
    bench.back_up(bench.add_target())
    now = timezone.now()
    LodgedValue.objects.update(receipt="a receipt", lodged_at=now)
    Unit.objects.update(desk_url="http://127.0.0.1:9", desk_reached_at=now, authority_list_seen_at=now)
    return bench


def test_a_unit_without_identity_cannot_be_lost_safely(bench: Bench) -> None:
    bench.clear()
    found = readiness()
    assert found.answer == "no"
    assert [item.name for item in found.links] == NAMES
    assert {item.action for item in found.links if item.state != "green"} - {""}


def test_when_every_link_holds_the_answer_is_yes(safe: Bench) -> None:
    found = readiness()
    assert [(item.name, item.state) for item in found.links] == [(name, "green") for name in NAMES]
    assert found.answer == "yes"
    assert {item.action for item in found.links} == {""}
    assert all(item.at is not None for item in found.links)
    newest = BackupImage.objects.get()
    assert found.data_at_risk_since is not None
    assert newest.made_at is not None
    assert found.data_at_risk_since <= newest.made_at + timedelta(seconds=1)
    assert found.changed_objects == 0


RED: dict[str, Callable[[], object]] = {
    "image": lambda: BackupImage.objects.update(state="committed", verified_at=None),
    "key": lambda: BackupImage.objects.update(state="damaged", problem={}),
    "epoch": lambda: Unit.objects.update(state="must_rotate"),
    "value": lambda: LodgedValue.objects.update(receipt="", lodged_at=None),
    "drill": lambda: KeyEpoch.objects.update(proof_how=""),
    "authority-key": lambda: LodgedValue.objects.update(authority_key_id="unknown"),
    "target": lambda: BackupTarget.objects.update(state="refused", problem={"title": "gone"}),
}


@pytest.mark.parametrize("name", list(RED))
def test_a_broken_link_makes_the_answer_no_and_says_what_to_do(safe: Bench, name: str) -> None:
    RED[name]()
    found = readiness()
    broken = link(found, name)
    assert (found.answer, broken.state) == ("no", "red")
    assert broken.action
    assert broken.summary


AMBER: dict[str, Callable[[], object]] = {
    "image": lambda: BackupImage.objects.update(made_at=timezone.now() - timedelta(days=3)),
    "key": lambda: KeyEpoch.objects.filter(state="active").update(key_id="ee" * 16),
    "value": lambda: (LodgedValue.objects.update(receipt=""), KeyEpoch.objects.update(downloaded=True)),
    "drill": lambda: KeyEpoch.objects.update(proof_how="waived"),
    "authority-key": lambda: Unit.objects.update(authority_list_seen_at=None),
    "desk": lambda: Unit.objects.update(desk_reached_at=timezone.now() - timedelta(days=30)),
    "target": lambda: BackupTarget.objects.update(findings=[{"name": "x", "code": "image.misplaced"}]),
}


@pytest.mark.parametrize("name", list(AMBER))
def test_a_weak_link_makes_the_answer_unsure(safe: Bench, name: str) -> None:
    AMBER[name]()
    found = readiness()
    assert (link(found, name).state, found.answer) == ("amber", "unsure")
    assert link(found, name).action


def test_a_rolled_back_target_is_red(safe: Bench) -> None:
    BackupTarget.objects.update(freshness="rolled-back")
    assert state("target") == "red"


def test_an_old_image_is_red_at_last(safe: Bench) -> None:
    BackupImage.objects.update(made_at=timezone.now() - timedelta(days=30))
    assert state("image") == "red"


def test_a_verified_image_of_another_units_chain_is_no_backup_of_this_one(safe: Bench) -> None:
    BackupImage.objects.update(own=False)
    assert state("image") == "red"


def test_what_changed_since_the_newest_image_is_counted(safe: Bench) -> None:
    before = readiness()
    VirtualImage.objects.update(state_changed_at=timezone.now() - timedelta(hours=1))
    safe.add_image("new", noise(5))
    VirtualImage.objects.filter(name="new").update(state_changed_at=timezone.now() + timedelta(seconds=2))
    assert readiness().changed_objects == 1
    assert readiness().data_at_risk_since == before.data_at_risk_since


def test_what_changed_while_the_image_was_made_is_at_risk_too(safe: Bench) -> None:
    """Its packs went out for an hour after its database was read; its row was made from its header."""
    image = BackupImage.objects.get()
    started = datetime.fromtimestamp(peek(image.header).claims["started_at"], UTC)
    BackupImage.objects.update(made_at=started + timedelta(hours=1), created_at=started + timedelta(days=1))
    VirtualImage.objects.update(state_changed_at=started - timedelta(minutes=1))
    VirtualImage.objects.filter(name="first").update(state_changed_at=started + timedelta(minutes=1))
    assert (readiness().data_at_risk_since, readiness().changed_objects) == (started, 1)


def test_without_an_image_everything_is_at_risk_from_the_start(unit_on_bench: Bench) -> None:
    found = readiness()
    oldest = VirtualImage.objects.order_by("created_at").values_list("created_at", flat=True).first()
    assert (found.data_at_risk_since, found.changed_objects) == (oldest, 2)


def test_the_first_action_mends_a_red_link_before_an_amber_one(safe: Bench) -> None:
    KeyEpoch.objects.update(proof_how="waived")
    BackupTarget.objects.update(state="refused", problem=None)
    assert readiness().first_action == "Connect the target."
    assert unit().state == "in_service"
