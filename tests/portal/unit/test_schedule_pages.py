"""Schedules as people set them: the next runs before saving, and what came of each run after."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.urls import reverse

from appliance.schedules.models import BackupSchedule, Occurrence
from tests.support.pages import browser_of

pytestmark = pytest.mark.django_db
DAILY = {
    "name": "late",
    "task": "backup",
    "every": "day",
    "at": "02:30",
    "zone": "Europe/Vienna",
    "catch_up": "on",
}


@pytest.fixture
def admin(furnished: dict[str, Any]) -> Any:
    return browser_of(furnished["people"]["admin"])


@pytest.fixture
def daily(furnished: dict[str, Any]) -> dict[str, Any]:
    return {**DAILY, "target": str(furnished["target"].pk)}


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"every": "hour", "minute": "15"}, {"every": "hour", "minute": 15}),
        ({"every": "weekdays"}, {"every": "weekdays", "at": "02:30"}),
        ({"every": "week", "on": ["mon", "thu"]}, {"every": "week", "on": ["mon", "thu"], "at": "02:30"}),
        ({"every": "month-day", "day": "-1"}, {"every": "month", "day": -1, "at": "02:30"}),
        (
            {"every": "month-nth", "nth": "2", "weekday": "sun", "months": ["3"]},
            {"every": "month", "nth": 2, "weekday": "sun", "months": [3], "at": "02:30"},
        ),
    ],
)
def test_each_kind_of_rule_is_set_by_the_form(
    given: dict[str, Any], rule: dict[str, Any], daily: dict[str, Any], admin: Any
) -> None:
    admin.post(reverse("unit:schedule-add"), {**daily, **given})
    assert BackupSchedule.objects.get(name="late").rule == rule


def test_the_next_five_runs_are_shown_and_nothing_is_saved(daily: dict[str, Any], admin: Any) -> None:
    page = admin.post(reverse("unit:schedule-preview"), daily).content.decode()
    assert page.count("<li>") == 5
    assert "02:30 CE" in page
    assert not BackupSchedule.objects.filter(name="late").exists()


def test_a_clock_change_is_told_before_it_comes(daily: dict[str, Any], admin: Any) -> None:
    page = admin.post(
        reverse("unit:schedule-preview"),
        {**daily, "every": "month-nth", "nth": "-1", "weekday": "sun", "months": ["3"]},
    ).content.decode()
    assert "does not exist on" in page
    assert "the clock is put" in page


def test_a_day_that_never_comes_is_refused_in_the_preview(daily: dict[str, Any], admin: Any) -> None:
    page = admin.post(
        reverse("unit:schedule-preview"), {**daily, "every": "month-day", "day": "31", "months": ["2"]}
    ).content.decode()
    assert "schedules.never-fires" in page


def test_an_unfinished_form_previews_nothing(admin: Any) -> None:
    answer = admin.post(reverse("unit:schedule-preview"), {"every": "no such thing"})
    assert b"The next five runs are shown here" in answer.content


def test_a_refused_schedule_is_not_saved_and_keeps_what_was_typed(daily: dict[str, Any], admin: Any) -> None:
    answer = admin.post(reverse("unit:schedule-add"), {**daily, "name": "nightly"})
    assert b"schedules.name-taken" in answer.content
    assert b'value="nightly"' in answer.content
    assert BackupSchedule.objects.count() == 1


def test_collecting_is_set_without_a_target_and_everything_else_with_one(
    daily: dict[str, Any], admin: Any
) -> None:
    untargeted = {**daily, "target": ""}
    assert b"This needs a target." in admin.post(reverse("unit:schedule-add"), untargeted).content
    admin.post(reverse("unit:schedule-add"), {**daily, "task": "collect", "name": "weekly"})
    row = BackupSchedule.objects.get(name="weekly")
    assert row.target is None
    for address in (reverse("unit:schedules"), reverse("unit:schedule", args=[row.pk])):
        assert b"Collecting in the content store" in admin.get(address).content
    admin.post(
        reverse("unit:schedule", args=[row.pk]), {**daily, "task": "collect", "name": "weekly", "at": "04:00"}
    )
    row.refresh_from_db()
    assert (row.target, row.rule["at"]) == (None, "04:00")


def test_a_schedule_is_changed_paused_resumed_and_removed(
    furnished: dict[str, Any], daily: dict[str, Any], admin: Any
) -> None:
    row = furnished["schedule"]
    admin.post(
        reverse("unit:schedule", args=[row.pk]), {**daily, "every": "week", "on": ["sat"], "at": "04:00"}
    )
    row.refresh_from_db()
    assert (row.name, row.rule) == ("late", {"every": "week", "on": ["sat"], "at": "04:00"})
    admin.post(reverse("unit:schedule-pause", args=[row.pk]))
    assert b"None while it is paused" in admin.get(reverse("unit:schedule", args=[row.pk])).content
    admin.post(reverse("unit:schedule-resume", args=[row.pk]))
    assert b"None while it is paused" not in admin.get(reverse("unit:schedule", args=[row.pk])).content
    admin.post(reverse("unit:schedule-remove", args=[row.pk]))
    assert not BackupSchedule.objects.exists()


def test_the_list_says_what_was_done_missed_and_caught_up(furnished: dict[str, Any], admin: Any) -> None:
    due = dt.datetime(2026, 3, 1, 2, 30, tzinfo=dt.UTC)
    for days, state, late in ((0, "done", True), (1, "missed", False)):
        Occurrence.objects.create(
            schedule=furnished["schedule"], due_at=due + dt.timedelta(days=days), state=state, late=late,
            reason={"title": "The unit was off.", "next_step": ""},
        )  # fmt: skip
    page = admin.get(reverse("unit:schedules")).content.decode()
    assert "Did not happen</span>" in page
    assert "Caught up</span>" in page
    assert "The unit was off." in page


def test_a_pause_of_outbound_work_stands_above_the_schedules(furnished: dict[str, Any], admin: Any) -> None:
    type(furnished["unit"]).objects.update(outbound_paused=True)
    assert b"outbound work is paused" in admin.get(reverse("unit:schedules")).content
