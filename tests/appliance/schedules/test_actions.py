"""Actions on schedules called directly, as pages and commands do: they refuse by themselves."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.backup.models import BackupTarget
from appliance.notices.models import Notice
from appliance.schedules.actions import (
    add_schedule,
    edit_schedule,
    pause_schedule,
    remove_schedule,
    resume_schedule,
)
from appliance.schedules.engine import due
from appliance.schedules.errors import BadSchedule, NeverFires
from appliance.schedules.models import BackupSchedule
from appliance.schedules.selectors import next_runs, schedule
from appliance.unit.models import Unit
from audit.actor import Actor
from audit.models import Event
from ground.refusals import Missing
from tests.support.clock import Clock
from tests.support.small_unit import make_target

pytestmark = pytest.mark.django_db
ADA = Actor("user", "1", "ada")
RULE = {"every": "day", "at": "02:30"}


@pytest.fixture
def nightly(target: BackupTarget) -> BackupSchedule:
    return add_schedule(actor=ADA, name="nightly", target=target, rule=RULE, zone="UTC")


@pytest.mark.parametrize("changed", [{"which": "oldest"}, {"depth": "deep"}, {"name": "a\nb"}])
def test_an_edit_that_cannot_be_is_refused(nightly: BackupSchedule, changed: dict[str, Any]) -> None:
    with pytest.raises(BadSchedule):
        edit_schedule(nightly, actor=ADA, **changed)


def test_a_task_that_is_none_is_refused(target: BackupTarget) -> None:
    with pytest.raises(BadSchedule):
        add_schedule(actor=ADA, name="x", target=target, rule=RULE, zone="UTC", task="sing")


def test_an_edit_to_a_rule_that_never_fires_changes_nothing(nightly: BackupSchedule) -> None:
    with pytest.raises(NeverFires):
        edit_schedule(nightly, actor=ADA, rule={"every": "week", "on": [], "at": "02:30"})
    assert schedule(nightly.pk).rule == RULE


def test_an_edit_that_changes_nothing_writes_nothing(nightly: BackupSchedule) -> None:
    before = Event.objects.count()
    edit_schedule(nightly, actor=ADA, rule=RULE, zone="UTC")
    assert Event.objects.count() == before
    assert schedule(nightly.pk).version == nightly.version


def test_a_changed_rule_counts_from_now_and_a_changed_name_does_not(
    nightly: BackupSchedule, clock: Clock
) -> None:
    began = nightly.since
    clock.passes(hours=1)
    other = make_target("other")
    edit_schedule(nightly, actor=ADA, name="n", which="all", depth="digests", catch_up=False, target=other)
    assert (nightly.since, nightly.target_id, nightly.target_name) == (began, other.pk, "other")
    edit_schedule(nightly, actor=ADA, zone="Asia/Tokyo")
    assert nightly.since == clock()
    assert nightly.next_due_at == next_runs(nightly, 1)[0].due_at


def test_editing_a_paused_schedule_does_not_wake_it(nightly: BackupSchedule) -> None:
    pause_schedule(nightly, actor=ADA)
    edit_schedule(nightly, actor=ADA, rule={"every": "hour", "minute": 0})
    assert nightly.next_due_at is None
    assert not nightly.enabled


def test_pausing_and_resuming_twice_is_harmless(nightly: BackupSchedule) -> None:
    for _ in range(2):
        pause_schedule(nightly, actor=ADA)
    for _ in range(2):
        resume_schedule(nightly, actor=ADA)
    actions = Event.objects.filter(action__in=["schedules.paused", "schedules.resumed"])
    assert actions.count() == 2


def test_removing_a_schedule_closes_its_troubles(nightly: BackupSchedule, clock: Clock) -> None:
    Unit.objects.update(state=Unit.State.MUST_ROTATE)
    clock.at("2027-06-02T02:30")
    due.look()
    assert Notice.objects.filter(resolved_at=None).count() == 1
    remove_schedule(nightly, actor=ADA)
    assert Notice.objects.filter(resolved_at=None).count() == 0


@pytest.mark.parametrize("pk", ["not-a-uuid", "00000000-0000-4000-8000-000000000000"])
def test_a_schedule_that_is_not_there_is_missing(db: None, pk: str) -> None:
    with pytest.raises(Missing):
        schedule(pk)
