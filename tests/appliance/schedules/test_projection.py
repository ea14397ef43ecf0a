"""What retention would keep of the images that a target's own schedules are going to make."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rest_framework.test import APIClient

from appliance.backup.errors import KeepsNothing
from appliance.backup.models import BackupTarget
from appliance.backup.retention import Policy
from appliance.schedules.models import BackupSchedule
from appliance.schedules.selectors import simulate_onto
from tests.support.people import sign_in

VIENNA = "Europe/Vienna"


def _schedule(target: BackupTarget, name: str, rule: dict[str, Any], **more: Any) -> BackupSchedule:
    fields = {"zone": VIENNA, "target_name": target.name} | more
    return BackupSchedule.objects.create(name=name, target=target, rule=rule, **fields)


def _made(target: BackupTarget, months: int = 1) -> dict[dt.date, int]:
    drawn = simulate_onto(target, Policy(daily=400, time_zone=VIENNA), months=months)
    return {day.date: day.made for day in drawn.simulation.days if day.made}


def test_a_policy_that_keeps_nothing_is_not_drawn(target: BackupTarget) -> None:
    with pytest.raises(KeepsNothing):
        simulate_onto(target, Policy())


def test_the_days_drawn_are_those_of_the_schedule_and_no_others(target: BackupTarget) -> None:
    _schedule(target, "weekly", {"every": "week", "on": ["sun"], "at": "02:30"})
    assert {day.weekday() for day in _made(target)} == {6}


def test_every_schedule_of_the_target_counts_also_where_two_are_due_at_once(target: BackupTarget) -> None:
    _schedule(target, "nightly", {"every": "day", "at": "02:30"})
    _schedule(target, "mondays", {"every": "week", "on": ["mon"], "at": "02:30"})
    made = _made(target)
    assert {made[day] for day in made if day.weekday() == 0} == {2}
    assert {made[day] for day in made if day.weekday() != 0} == {1}
    drawn = simulate_onto(target, Policy(keep_last=400), months=1).simulation
    assert sum(day.remaining for day in drawn.days) == sum(made.values())


def test_a_run_in_the_hour_that_the_clock_leaves_out_is_drawn_on_its_day(target: BackupTarget) -> None:
    _schedule(target, "nightly", {"every": "day", "at": "02:30"})
    assert _made(target, months=11)[dt.date(2028, 3, 26)] == 1


@pytest.mark.parametrize("change", [{"enabled": False}, {"task": "verify"}, {"rule": {"every": "never"}}])
def test_what_makes_no_backup_draws_none(change: dict[str, Any], target: BackupTarget) -> None:
    _schedule(target, "weekly", {"every": "week", "on": ["sun"], "at": "02:30"})
    other = _schedule(target, "other", {"every": "day", "at": "12:00"})
    BackupSchedule.objects.filter(pk=other.pk).update(**change)
    assert {day.weekday() for day in _made(target)} == {6}


def test_without_a_schedule_one_run_a_day_is_assumed_and_said(target: BackupTarget) -> None:
    found = simulate_onto(target, Policy(daily=7, time_zone=VIENNA), months=1)
    assert found.assumed
    assert {day.made for day in found.simulation.days[1:]} == {1}


def test_rest_names_the_schedules_it_was_drawn_from_and_takes_a_draft_instead(target: BackupTarget) -> None:
    _schedule(target, "weekly", {"every": "week", "on": ["sun"], "at": "02:30"})
    client: APIClient = sign_in("auditor")
    asked: dict[str, Any] = {"target": str(target.pk), "policy": {"daily": 7}, "months": 1}
    own = client.post("/api/v1/retention/preview", asked, format="json").json()
    assert (own["schedules"], own["assumed"]) == (["weekly"], False)
    assert sum(day["made"] for day in own["days"]) == 4
    draft = client.post(
        "/api/v1/retention/preview", {**asked, "schedule": {"at": "02:30"}}, format="json"
    ).json()
    assert (draft["schedules"], sum(day["made"] for day in draft["days"])) == ([], 30)


def test_the_clock_of_the_schedule_counts_not_the_policys(target: BackupTarget) -> None:
    _schedule(target, "late", {"every": "day", "at": "23:30"}, zone="America/New_York")
    drawn = simulate_onto(target, Policy(daily=3, time_zone=VIENNA), months=1).simulation
    first = next(day.date for day in drawn.days if day.made)
    due = dt.datetime(2027, 6, 1, 23, 30, tzinfo=ZoneInfo("America/New_York"))
    assert first == due.astimezone(ZoneInfo(VIENNA)).date()
