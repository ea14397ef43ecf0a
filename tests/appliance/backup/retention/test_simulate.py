"""The months to come under a draft policy."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from appliance.backup.errors import BadRetentionRule, KeepsNothing
from appliance.backup.retention import Facts, Policy, occurrences, simulate

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def runs(days: int, **schedule: object) -> list[datetime]:
    return list(occurrences(NOW, NOW + timedelta(days=days), zone="Europe/Berlin", **schedule))  # type: ignore[arg-type]


def test_a_policy_that_keeps_nothing_has_no_preview() -> None:
    with pytest.raises(KeepsNothing):
        simulate(Policy(), [], runs=[], now=NOW, months=1)


@pytest.mark.parametrize("months", [0, 25])
def test_more_months_than_a_page_can_show_are_refused(months: int) -> None:
    with pytest.raises(BadRetentionRule):
        simulate(Policy(daily=1), [], runs=[], now=NOW, months=months)


def test_a_schedule_of_no_hours_is_refused() -> None:
    with pytest.raises(BadRetentionRule):
        runs(3, every_hours=0)


def test_a_daily_run_keeps_its_wall_clock_over_a_clock_change() -> None:
    times = [turn.astimezone(ZoneInfo("Europe/Berlin")).time() for turn in runs(60, at=time(4, 0))]
    assert set(times) == {time(4, 0)}
    assert len(times) == 60


def test_a_run_in_the_hour_that_a_clock_change_leaves_out_still_happens_that_day() -> None:
    days = [turn.astimezone(ZoneInfo("Europe/Berlin")).date() for turn in runs(40, at=time(2, 30))]
    assert date(2026, 3, 29) in days
    assert len(days) == len(set(days)) == 40


def test_the_calendar_ends_with_what_the_policy_keeps_and_counts_rise_to_it() -> None:
    policy = Policy(daily=7, weekly=4, time_zone="Europe/Berlin")
    found = simulate(policy, [], runs=runs(62, at=time(2, 30)), now=NOW, months=2)
    assert found.days[-1].kept == sum(day.remaining for day in found.days)
    assert [day.remaining for day in found.days[-8:]] == [0, 1, 1, 1, 1, 1, 1, 1]
    assert max(day.kept for day in found.days) <= 7 + 4
    assert {reason for day in found.days for reason in day.reasons} == {"daily", "weekly", "newest-verified"}


def test_it_says_when_each_image_that_is_there_would_leave() -> None:
    there = Facts(UUID(int=1), NOW - timedelta(hours=1), verified=True, holds=("newest",))
    kept = Facts(UUID(int=2), NOW - timedelta(days=9), verified=True, holds=("protected",))
    gone = Facts(UUID(int=3), NOW - timedelta(days=8), verified=True)
    found = simulate(Policy(daily=3), [there, kept, gone], runs=runs(31, at=time(2, 30)), now=NOW, months=1)
    assert [image.id for image in found.now.expired] == []
    assert found.leaving[there.id] == date(2026, 3, 4)
    assert found.leaving[gone.id] == date(2026, 3, 3)
    assert kept.id not in found.leaving


def test_an_hourly_schedule_over_two_years_is_drawn_in_little_time() -> None:
    until = NOW + timedelta(days=24 * 31)
    turns = occurrences(NOW, until, zone="UTC", every_hours=1)
    found = simulate(Policy(hourly=48, daily=30, monthly=24), [], runs=turns, now=NOW, months=24)
    assert found.days[-1].kept <= 48 + 30 + 24
