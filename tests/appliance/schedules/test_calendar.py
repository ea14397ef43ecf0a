"""The calendar against an oracle that only looks at the clock, minute by minute; and what it refuses."""

from __future__ import annotations

import calendar as months
import datetime as dt
from itertools import islice, takewhile
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from appliance.schedules import calendar
from appliance.schedules.calendar import WEEKDAYS, Rule
from appliance.schedules.errors import BadRule, NeverFires, UnknownZone

UTC = dt.UTC
MINUTE, DAY = dt.timedelta(minutes=1), dt.timedelta(days=1)
# An hour forward and back, half an hour (Lord Howe), a day left out (Apia 2011), three hours (Casey), changes
# at midnight (Beirut, Havana), by quarter hours from UTC (Chatham), none at all.
ZONES = [
    *["Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Antarctica/Casey"],
    *["Asia/Beirut", "America/Havana", "Pacific/Chatham", "Africa/Casablanca", "Asia/Kathmandu", "UTC"],
]
# Moments around which something happens: changes of the clock, leap days, ends of months and years.
MOMENTS = [
    *["2027-03-27", "2027-10-30", "2027-03-13", "2027-11-06", "2027-04-03", "2027-10-02", "2011-12-29"],
    *["2020-10-03", "2018-03-10", "2027-03-20", "2028-02-27", "2027-02-26", "2024-12-30", "2100-02-27"],
]


def names_day(rule: Rule, day: dt.date) -> bool:
    """Whether the rule names the day: the words of docs, read anew, without any library of recurrences."""
    length = months.monthrange(day.year, day.month)[1]
    working = [n for n in range(1, length + 1) if dt.date(day.year, day.month, n).weekday() < 5]
    same = [n for n in range(1, length + 1) if dt.date(day.year, day.month, n).weekday() == day.weekday()]
    candidates = working if rule.weekday == "weekday" else same
    place = -1 if rule.nth == -1 else (rule.nth or 1) - 1
    named = {
        "hour": True,
        "day": True,
        "weekdays": day.weekday() < 5,
        "week": WEEKDAYS[day.weekday()] in rule.on,
        "month": day.day == (length if rule.day == -1 else rule.day)
        or (
            rule.nth is not None
            and rule.weekday in (WEEKDAYS[day.weekday()], "weekday")
            and day.day in candidates[place : (place + 1) or None]
        ),
    }
    return named[rule.every] and (not rule.months or day.month in rule.months)


def oracle(rule: Rule, zone: ZoneInfo, first: dt.datetime, last: dt.datetime) -> list[dt.datetime]:
    """Every moment after `first` up to `last`: walk through time and look at the clock."""
    if rule.every == "hour":
        return [
            moment
            for moment in minutes(first, last)
            if (shown := moment.astimezone(zone)).minute == rule.minute and names_day(rule, shown.date())
        ]
    found = set()
    for number in range((last - first).days + 6):
        day = (first - 3 * DAY).date() + number * DAY
        due = when(dt.datetime.combine(day, rule.at), zone)
        found |= {due} if names_day(rule, day) and first < due <= last else set()
    return sorted(found)


def when(asked: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """The first moment at which the clock shows `asked`; if it never does, what a clock that was not put
    forward would show it at."""
    around = [asked.replace(tzinfo=UTC) + n * MINUTE for n in range(-15 * 60, 15 * 60, 15)]
    exact = [moment for moment in around if moment.astimezone(zone).replace(tzinfo=None) == asked]
    if exact:
        return exact[0]
    before = [moment for moment in around if moment.astimezone(zone).replace(tzinfo=None) < asked][-1]
    offset = before.astimezone(zone).utcoffset()
    assert offset is not None
    return (asked - offset).replace(tzinfo=UTC)


def minutes(first: dt.datetime, last: dt.datetime) -> list[dt.datetime]:
    start = first.replace(second=0, microsecond=0)
    return [start + n * MINUTE for n in range(1, int((last - start) / MINUTE) + 1)]


times = st.one_of(
    st.sampled_from(["00:00", "00:30", "01:30", "02:00", "02:15", "02:30", "03:00", "23:45"]),
    st.builds(lambda hour, quarter: f"{hour:02}:{quarter * 15:02}", st.integers(0, 23), st.integers(0, 3)),
)
some_months = st.one_of(
    st.just({}), st.builds(lambda m: {"months": sorted(m)}, st.sets(st.integers(1, 12), min_size=4))
)
rules = st.one_of(
    st.builds(lambda minute: {"every": "hour", "minute": minute}, st.integers(0, 59)),
    st.builds(
        lambda every, at, m: {"every": every, "at": at, **m},
        st.sampled_from(["day", "weekdays"]),
        times,
        some_months,
    ),
    st.builds(
        lambda on, at, m: {"every": "week", "on": sorted(on), "at": at, **m},
        st.sets(st.sampled_from(WEEKDAYS), min_size=1),
        times,
        some_months,
    ),
    st.builds(
        lambda day, at: {"every": "month", "day": day, "at": at},
        st.one_of(st.just(-1), st.integers(1, 31)),
        times,
    ),
    st.builds(
        lambda nth, weekday, at: {"every": "month", "nth": nth, "weekday": weekday, "at": at},
        st.sampled_from([-1, 1, 2, 3, 4, 5]),
        st.sampled_from([*WEEKDAYS, "weekday"]),
        times,
    ),
)


@settings(max_examples=250, deadline=None)
@given(rules, st.sampled_from(ZONES), st.sampled_from(MOMENTS), st.integers(0, 47), st.integers(1, 75))
@example({"every": "day", "at": "02:30"}, "Europe/Vienna", "2027-03-27", 0, 4)
@example({"every": "day", "at": "02:15"}, "Australia/Lord_Howe", "2027-10-02", 0, 4)
@example({"every": "day", "at": "02:30"}, "Pacific/Apia", "2011-12-29", 0, 4)
@example({"every": "day", "at": "00:00"}, "America/Havana", "2027-03-13", 0, 4)
@example({"every": "month", "day": 29, "at": "02:30"}, "UTC", "2028-02-27", 0, 60)
@example({"every": "month", "day": -1, "at": "23:45"}, "UTC", "2100-02-27", 0, 60)
@example({"every": "hour", "minute": 45}, "Australia/Lord_Howe", "2027-04-03", 0, 2)
@example({"every": "hour", "minute": 30}, "Antarctica/Casey", "2018-03-10", 0, 2)
def test_runs_are_what_the_clock_shows(
    given_rule: dict[str, Any], zone_name: str, start: str, hours: int, days: int
) -> None:
    rule, zone = calendar.parse(given_rule), calendar.zone_of(zone_name)
    first = dt.datetime.fromisoformat(start).replace(tzinfo=UTC) + dt.timedelta(hours=hours, seconds=17)
    last = first + min(days, 3 if rule.every == "hour" else days) * DAY
    found = [
        run.due_at for run in takewhile(lambda run: run.due_at <= last, calendar.runs(rule, zone, first))
    ]
    assert found == oracle(rule, zone, first, last)
    assert calendar.between(rule, zone, first, last) == found
    assert found == sorted(set(found))


@settings(max_examples=60, deadline=None)
@given(rules, st.sampled_from(ZONES), st.sampled_from(MOMENTS), st.integers(0, 3000))
def test_the_latest_run_is_the_one_after_which_none_follows(
    given_rule: dict[str, Any], zone_name: str, start: str, minute: int
) -> None:
    rule, zone = calendar.parse(given_rule), calendar.zone_of(zone_name)
    until = dt.datetime.fromisoformat(start).replace(tzinfo=UTC) + minute * MINUTE
    latest = calendar.latest(rule, zone, until)
    assert latest is not None
    assert latest <= until < calendar.following(rule, zone, latest)
    assert calendar.following(rule, zone, latest - MINUTE) == latest


@settings(max_examples=60, deadline=None)
@given(rules)
def test_a_rule_reads_back_as_it_is_stored(given_rule: dict[str, Any]) -> None:
    rule = calendar.parse(given_rule)
    assert calendar.parse(rule.as_json()) == rule
    assert rule.text


def first_runs(rule: dict[str, Any], zone: str, start: str, count: int) -> list[tuple[str, str]]:
    after = dt.datetime.fromisoformat(start).replace(tzinfo=UTC)
    found = islice(calendar.runs(calendar.parse(rule), calendar.zone_of(zone), after), count)
    return [(run.local.isoformat(timespec="minutes"), run.note) for run in found]


def test_a_time_that_does_not_exist_is_moved_by_as_much_as_the_clock() -> None:
    assert first_runs({"every": "day", "at": "02:30"}, "Europe/Vienna", "2027-03-27", 3) == [
        ("2027-03-27T02:30+01:00", ""),
        ("2027-03-28T03:30+02:00", "moved"),
        ("2027-03-29T02:30+02:00", ""),
    ]


def test_a_time_that_comes_twice_runs_the_first_time_only() -> None:
    assert first_runs({"every": "day", "at": "02:30"}, "Europe/Vienna", "2027-10-30T12:00", 2) == [
        ("2027-10-31T02:30+02:00", "first-of-two"),
        ("2027-11-01T02:30+01:00", ""),
    ]


def test_an_hourly_beat_goes_on_through_the_hour_that_comes_twice() -> None:
    assert first_runs({"every": "hour", "minute": 30}, "Europe/Vienna", "2027-10-31", 3) == [
        ("2027-10-31T02:30+02:00", ""),
        ("2027-10-31T02:30+01:00", "second-of-two"),
        ("2027-10-31T03:30+01:00", ""),
    ]


def test_the_notes_say_what_happens_in_words() -> None:
    rule, zone = calendar.parse({"every": "day", "at": "02:30"}), calendar.zone_of("Europe/Vienna")
    moved = next(calendar.runs(rule, zone, dt.datetime(2027, 3, 27, 12, tzinfo=UTC)))
    assert moved.note_text == (
        "02:30 does not exist on 28 March 2027: the clock is put forward. It runs at 03:30."
    )
    twice = next(calendar.runs(rule, zone, dt.datetime(2027, 10, 30, 12, tzinfo=UTC)))
    assert "comes twice" in twice.note_text


def test_clock_changes_are_named() -> None:
    changes = calendar.clock_changes(
        calendar.zone_of("Europe/Vienna"), dt.datetime(2027, 1, 1, tzinfo=UTC), 365
    )
    assert [change.text for change in changes] == [
        "On 28 March 2027 at 02:00 the clock is put forward to 03:00.",
        "On 31 October 2027 at 03:00 the clock is put back to 02:00.",
    ]
    assert calendar.clock_changes(calendar.zone_of("UTC"), dt.datetime(2027, 1, 1, tzinfo=UTC)) == []


def test_the_rarest_rule_is_found_across_a_century_without_a_leap_day() -> None:
    rule = calendar.parse({"every": "month", "nth": 5, "weekday": "sun", "months": [2], "at": "02:30"})
    zone = calendar.zone_of("UTC")
    assert calendar.following(rule, zone, dt.datetime(2088, 3, 1, tzinfo=UTC)).date() == dt.date(2128, 2, 29)
    assert calendar.latest(rule, zone, dt.datetime(2127, 3, 1, tzinfo=UTC)) == dt.datetime(
        2088, 2, 29, 2, 30, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "rule",
    [
        {"every": "month", "day": 30, "months": [2], "at": "02:30"},
        {"every": "month", "day": 31, "months": [2, 4, 6, 9, 11], "at": "02:30"},
        {"every": "week", "on": [], "at": "02:30"},
        {"every": "day", "at": "02:30", "months": []},
    ],
)
def test_a_rule_that_never_fires_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(NeverFires):
        calendar.parse(rule)


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        (None, "rule"),
        ([], "rule"),
        ({}, "every"),
        ({"every": "second"}, "every"),
        ({"every": ["day"]}, "every"),
        ({"every": "day"}, "at"),
        ({"every": "day", "at": "24:00"}, "at"),
        ({"every": "day", "at": "2:30"}, "at"),
        ({"every": "day", "at": "02:30 "}, "at"),
        ({"every": "day", "at": "٠٢:٣٠"}, "at"),
        ({"every": "day", "at": 230}, "at"),
        ({"every": "day", "at": "02:30", "on": ["mon"]}, "on"),
        ({"every": "hour", "minute": 60}, "minute"),
        ({"every": "hour", "minute": True}, "minute"),
        ({"every": "hour", "minute": "5"}, "minute"),
        ({"every": "hour", "at": "02:30"}, "at"),
        ({"every": "week", "on": "mon", "at": "02:30"}, "on"),
        ({"every": "week", "on": ["someday"], "at": "02:30"}, "on"),
        ({"every": "month", "at": "02:30"}, "day"),
        ({"every": "month", "day": 1, "nth": 1, "weekday": "sun", "at": "02:30"}, "day"),
        ({"every": "month", "day": 0, "at": "02:30"}, "day"),
        ({"every": "month", "day": 32, "at": "02:30"}, "day"),
        ({"every": "month", "nth": 0, "weekday": "sun", "at": "02:30"}, "nth"),
        ({"every": "month", "nth": 6, "weekday": "sun", "at": "02:30"}, "nth"),
        ({"every": "month", "nth": 1, "at": "02:30"}, "weekday"),
        ({"every": "month", "weekday": "sun", "at": "02:30"}, "nth"),
        ({"every": "day", "at": "02:30", "months": [13]}, "months"),
        ({"every": "day", "at": "02:30", "months": 3}, "months"),
        ({"every": "day", "at": "02:30", "months": [1] * 101}, "months"),
    ],
)
def test_a_rule_that_says_no_time_is_refused_by_field(rule: object, field: str) -> None:
    with pytest.raises(BadRule) as refused:
        calendar.parse(rule)
    assert refused.value.facts["field"] == field


@pytest.mark.parametrize(
    "zone", ["", "Europe/Nowhere", "../../etc/passwd", "/etc/localtime", "localtime", "CEST"]
)
def test_an_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(UnknownZone):
        calendar.zone_of(zone)
