"""Calendar rules: which moments a rule names, and what becomes of them when the clock is changed.

Pure: no Django, no clock of its own. A rule names wall-clock times in a zone. Where the zone changes its
clock, RFC 5545 §3.3.5 decides:

- a time that does not exist that day (the clock went forward over it) is taken by the offset before the
  change, so it runs as much later as the clock was moved ("moved");
- a time that exists twice (the clock went back) runs once, the first time ("first-of-two").

An hourly rule is no time of day but a beat: it runs whenever the clock shows its minute, so in the hour that
comes twice it runs twice, and an hour that is skipped is skipped.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
import zoneinfo
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from dateutil import rrule

from appliance.schedules.errors import BadRule, NeverFires, UnknownZone

UTC: Final = dt.UTC
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_NAMES: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTH_NAMES: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_NTH: Final = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"}
_LONGEST: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_AT: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_MEMBERS: Final[Mapping[str, frozenset[str]]] = {
    "hour": frozenset({"minute"}),
    "day": frozenset({"at"}),
    "weekdays": frozenset({"at"}),
    "week": frozenset({"on", "at"}),
    "month": frozenset({"day", "nth", "weekday", "at"}),
}
_MINUTE: Final = dt.timedelta(minutes=1)
_DAY: Final = dt.timedelta(days=1)
_WIDEST: Final = 2 * _DAY  # no zone is farther from UTC, and no clock was ever moved farther in one step
_BACK: Final = (
    1,
    8,
    40,
    400,
    3000,
    16000,
)  # days; the rarest rule (a 29 February that is a Sunday) has 40 years

Note = Literal["", "moved", "first-of-two", "second-of-two"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that was checked; `parse` makes it."""

    every: str
    at: dt.time = dt.time()
    minute: int = 0
    on: tuple[str, ...] = ()
    day: int | None = None
    nth: int | None = None
    weekday: str = ""
    months: tuple[int, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The rule as it is stored and shown: no member that says nothing."""
        shown: dict[str, Any] = {"every": self.every}
        if self.every == "hour":
            shown["minute"] = self.minute
        else:
            shown["at"] = f"{self.at:%H:%M}"
        if self.on:
            shown["on"] = list(self.on)
        if self.day is not None:
            shown["day"] = self.day
        if self.nth is not None:
            shown |= {"nth": self.nth, "weekday": self.weekday}
        if self.months:
            shown["months"] = list(self.months)
        return shown

    @property
    def text(self) -> str:
        """The rule in words, without its zone."""
        if self.every == "hour":
            words = f"every hour at minute {self.minute}"
        else:
            words = f"{self._days()} at {self.at:%H:%M}"
        if self.months:
            words += f", in {_listed([MONTH_NAMES[month - 1] for month in self.months])}"
        return words

    def _days(self) -> str:
        if self.every == "day":
            return "every day"
        if self.every == "weekdays":
            return "Monday to Friday"
        if self.every == "week":
            return "every " + _listed([DAY_NAMES[WEEKDAYS.index(day)] for day in self.on])
        if self.nth is not None:
            name = "weekday" if self.weekday == "weekday" else DAY_NAMES[WEEKDAYS.index(self.weekday)]
            return f"on the {_NTH[self.nth]} {name} of the month"
        return "on the last day of the month" if self.day == -1 else f"on day {self.day} of the month"


@dataclass(frozen=True, slots=True)
class Run:
    """One moment a rule names. `asked` is the wall-clock time it asked for, `local` what the clock shows."""

    due_at: dt.datetime
    local: dt.datetime
    note: Note = ""
    asked: dt.datetime | None = None

    @property
    def local_text(self) -> str:
        """The local time with its offset from UTC, in ISO 8601."""
        return self.local.isoformat()

    @property
    def note_text(self) -> str:
        """What to tell a person about the clock, or nothing."""
        if self.note == "moved" and self.asked is not None:
            return (
                f"{self.asked:%H:%M} does not exist on {self.asked:%d %B %Y}: the clock is put forward. "
                f"It runs at {self.local:%H:%M}."
            )
        if self.note == "first-of-two":
            return (
                f"{self.local:%H:%M} comes twice that night: the clock is put back. It runs the first time."
            )
        if self.note == "second-of-two":
            return f"{self.local:%H:%M} comes a second time that night: the clock was put back."
        return ""


@dataclass(frozen=True, slots=True)
class ClockChange:
    """A moment at which the zone's clock is moved."""

    at: dt.datetime
    before: dt.timedelta
    after: dt.timedelta
    zone: str

    @property
    def text(self) -> str:
        shown, then = self.at.astimezone(dt.timezone(self.before)), self.at.astimezone(ZoneInfo(self.zone))
        way = "forward" if self.after > self.before else "back"
        return f"On {shown:%d %B %Y} at {shown:%H:%M} the clock is put {way} to {then:%H:%M}."


# ---- reading rules ----------------------------------------------------------------------------------


def parse(given: object) -> Rule:
    """The rule in a JSON object. `BadRule` names what is wrong in it; `NeverFires` if it names no day."""
    if not isinstance(given, Mapping):
        raise BadRule(field="rule", why="it is not an object")
    every = given.get("every")
    if not isinstance(every, str) or every not in _MEMBERS:
        raise BadRule(field="every", why=f"it is none of {', '.join(_MEMBERS)}")
    stray = sorted(str(name)[:40] for name in set(given) - _MEMBERS[every] - {"every", "months"})
    if stray:
        raise BadRule(field=stray[0], why=f"a rule for every {every} has no such part")
    months = tuple(sorted(set(_whole_list(given, "months", 1, 12)))) if "months" in given else ()
    if "months" in given and not months:
        raise NeverFires(rule=_shown(given))
    if every == "hour":
        return Rule(every, minute=_whole(given, "minute", 0, 59), months=months)
    rule = Rule(every, at=_time(given.get("at")), months=months)
    if every == "week":
        return _week(rule, given)
    return _month(rule, given) if every == "month" else rule


def _week(rule: Rule, given: Mapping[str, Any]) -> Rule:
    days = given.get("on")
    if not isinstance(days, list) or any(day not in WEEKDAYS for day in days):
        raise BadRule(field="on", why=f"a list of {', '.join(WEEKDAYS)} is needed")
    if not days:
        raise NeverFires(rule=_shown(given))
    return Rule(rule.every, at=rule.at, on=tuple(sorted(set(days), key=WEEKDAYS.index)), months=rule.months)


def _month(rule: Rule, given: Mapping[str, Any]) -> Rule:
    if ("day" in given) == ("nth" in given or "weekday" in given):
        raise BadRule(field="day", why="either a day, or nth and weekday")
    if "day" in given:
        day = _whole(given, "day", -1, 31)
        if day == 0:
            raise BadRule(field="day", why="1 to 31, or -1 for the last one")
        if all(day > _LONGEST[month - 1] for month in rule.months or range(1, 13)):
            raise NeverFires(rule=_shown(given))
        return Rule(rule.every, at=rule.at, day=day, months=rule.months)
    nth = _whole(given, "nth", -1, 5)
    if nth == 0:
        raise BadRule(field="nth", why="1 to 5, or -1 for the last one")
    weekday = given.get("weekday")
    if weekday != "weekday" and weekday not in WEEKDAYS:
        raise BadRule(field="weekday", why=f"one of {', '.join(WEEKDAYS)}, or weekday")
    return Rule(rule.every, at=rule.at, nth=nth, weekday=weekday, months=rule.months)


def _time(given: object) -> dt.time:
    found = _AT.fullmatch(given) if isinstance(given, str) else None
    if found is None:
        raise BadRule(field="at", why="a time of day such as 02:30 is needed")
    return dt.time(int(found[1]), int(found[2]))


def _whole(given: Mapping[str, Any], name: str, least: int, most: int) -> int:
    value = given.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise BadRule(field=name, why=f"a whole number from {least} to {most} is needed")
    return value


def _whole_list(given: Mapping[str, Any], name: str, least: int, most: int) -> list[int]:
    values = given[name]
    if not isinstance(values, list) or len(values) > 100:
        raise BadRule(field=name, why=f"a list of whole numbers from {least} to {most} is needed")
    return [_whole({name: value}, name, least, most) for value in values]


def _shown(given: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in given.items()}


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


@functools.cache
def zones() -> tuple[str, ...]:
    """Names of all time zones, by place."""
    return tuple(
        sorted(name for name in zoneinfo.available_timezones() if name not in ("localtime", "Factory"))
    )


def zone_of(name: str) -> ZoneInfo:
    """The zone of this name, or `UnknownZone`."""
    if name not in zones():
        raise UnknownZone(zone=str(name)[:80])
    return ZoneInfo(name)


# ---- moments ----------------------------------------------------------------------------------------


def runs(rule: Rule, zone: ZoneInfo, after: dt.datetime) -> Iterator[Run]:
    """Every run later than `after`, in order, without end (until the calendar's)."""
    last = after.astimezone(UTC)
    find = _beats if rule.every == "hour" else _times
    for day in _days(rule, (last - _WIDEST).date()):
        for run in find(rule, zone, day):
            if run.due_at > last:
                last = run.due_at
                yield run


def following(rule: Rule, zone: ZoneInfo, after: dt.datetime) -> dt.datetime:
    """The first run later than `after`."""
    return next(runs(rule, zone, after)).due_at


def latest(rule: Rule, zone: ZoneInfo, until: dt.datetime) -> dt.datetime | None:
    """The last run at or before `until`; None if there was none in four decades."""
    for days in _BACK:
        found = None
        for run in runs(rule, zone, until - days * _DAY):
            if run.due_at > until:
                break
            found = run.due_at
        if found is not None:
            return found
    return None


def between(rule: Rule, zone: ZoneInfo, first: dt.datetime, until: dt.datetime) -> list[dt.datetime]:
    """Every run from `first` to `until`, both included."""
    found = []
    for run in runs(rule, zone, first - dt.timedelta(microseconds=1)):
        if run.due_at > until:
            break
        found.append(run.due_at)
    return found


def _days(rule: Rule, start: dt.date) -> Iterator[dt.date]:
    """The days the rule names, from `start` on."""
    options: dict[str, Any] = {"dtstart": dt.datetime.combine(start, dt.time())}
    if rule.months:
        options["bymonth"] = rule.months
    frequency = rrule.DAILY
    if rule.every == "weekdays":
        options["byweekday"] = (rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR)
    elif rule.every == "week":
        options["byweekday"] = tuple(rrule.weekday(WEEKDAYS.index(day)) for day in rule.on)
    elif rule.every == "month":
        frequency = rrule.MONTHLY
        if rule.day is not None:
            options["bymonthday"] = rule.day
        elif rule.weekday == "weekday":
            options |= {"byweekday": (rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR), "bysetpos": rule.nth}
        else:
            options["byweekday"] = rrule.weekday(WEEKDAYS.index(rule.weekday), rule.nth)
        # Months are counted from their first day: a rule must see the whole month it begins in.
        options["dtstart"] = dt.datetime.combine(start.replace(day=1), dt.time())
    for moment in rrule.rrule(frequency, **options):
        if moment.date() >= start:
            yield moment.date()


def _times(rule: Rule, zone: ZoneInfo, day: dt.date) -> Iterator[Run]:
    asked = dt.datetime.combine(day, rule.at)
    local = asked.replace(tzinfo=zone)  # fold=0: the offset before a change, the first of two
    due = local.astimezone(UTC)
    shown = due.astimezone(zone)
    if shown.replace(tzinfo=None) != asked:
        yield Run(due, shown, "moved", asked)
    elif local.utcoffset() != local.replace(fold=1).utcoffset():
        yield Run(due, shown, "first-of-two")
    else:
        yield Run(due, shown)


def _beats(rule: Rule, zone: ZoneInfo, day: dt.date) -> Iterator[Run]:
    """Every moment of the local day at which the clock shows the minute. Walked in UTC, minute by minute:
    nothing else is true in every zone (clocks have been moved by half an hour, an hour, three, and a day)."""
    moment = dt.datetime.combine(day, dt.time(), UTC) - dt.timedelta(hours=15)
    for _ in range(52 * 60):  # from 14 hours ahead of UTC to 12 behind it, and a little
        shown = moment.astimezone(zone)
        if shown.minute == rule.minute and shown.date() == day:
            note: Note = "second-of-two" if shown.fold else ""
            yield Run(moment, shown, note)
        moment += _MINUTE


def clock_changes(zone: ZoneInfo, after: dt.datetime, days: int = 400) -> list[ClockChange]:
    """The moments within so many days at which the zone's clock is moved."""
    found: list[ClockChange] = []
    low = after.astimezone(UTC)
    for _ in range(days):
        high = low + _DAY
        before, then = _offset(zone, low), _offset(zone, high)
        if before != then:
            first, last = low, high
            while last - first > dt.timedelta(seconds=1):
                middle = first + (last - first) / 2
                if _offset(zone, middle) == before:
                    first = middle
                else:
                    last = middle
            found.append(ClockChange(last.replace(microsecond=0), before, then, zone.key))
        low = high
    return found


def _offset(zone: ZoneInfo, moment: dt.datetime) -> dt.timedelta:
    return moment.astimezone(zone).utcoffset() or dt.timedelta()
