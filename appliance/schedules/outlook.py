"""Looking ahead and back: the preview of a rule, and runs that should have happened and did not.

Computed from the rules themselves, from nothing a worker would have to write first: so it tells a schedule
that nobody keeps from one that is kept, even while no worker is alive.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from django.utils import timezone

from appliance.schedules import calendar
from appliance.schedules.calendar import ClockChange, Run
from appliance.schedules.errors import ScheduleRefusal
from appliance.schedules.models import BackupSchedule, Occurrence
from appliance.unit.selectors import is_outbound_allowed
from jobs.models import Job

GRACE: Final = dt.timedelta(minutes=15)  # after this a run that nobody took up did not happen
STUCK: Final = dt.timedelta(hours=6)  # after this a job that never began is not going to
MAX_PREVIEW: Final = 50


@dataclass(frozen=True, slots=True)
class Preview:
    """What a rule means, before it is saved."""

    text: str
    zone: str
    runs: list[Run]
    clock_changes: list[ClockChange]


@dataclass(frozen=True, slots=True)
class Overdue:
    """A run that should have happened."""

    schedule: BackupSchedule
    due_at: dt.datetime
    text: str


def preview(rule: object, zone: str, *, count: int = 5, after: dt.datetime | None = None) -> Preview:
    """The next runs of a rule and the next changes of the zone's clock.

    Refused with `BadRule`, `NeverFires` or `UnknownZone`.
    """
    parsed, place = calendar.parse(rule), calendar.zone_of(zone)
    start = after or timezone.now()
    wanted = max(1, min(count, MAX_PREVIEW))
    return Preview(
        text=f"{parsed.text} ({zone})",
        zone=zone,
        runs=list(islice(calendar.runs(parsed, place, start), wanted)),
        clock_changes=calendar.clock_changes(place, start),
    )


def next_runs(schedule: BackupSchedule, count: int = 5, *, after: dt.datetime | None = None) -> list[Run]:
    """The next runs of a schedule; none while it is paused."""
    if not schedule.enabled:
        return []
    return preview(schedule.rule, schedule.zone, count=count, after=after).runs


def overdue(now: dt.datetime | None = None) -> list[Overdue]:
    """Runs whose time came more than `GRACE` ago and that nobody took up, or whose job never began."""
    moment = now or timezone.now()
    if not is_outbound_allowed():
        return []  # held back knowingly, which the pages say
    return [*_not_taken(moment), *_not_begun(moment)]


def _not_taken(moment: dt.datetime) -> Iterator[Overdue]:
    for schedule in BackupSchedule.objects.filter(enabled=True):
        try:
            rule, zone = calendar.parse(schedule.rule), calendar.zone_of(schedule.zone)
        except ScheduleRefusal:
            continue  # the sweeper tells of it
        expected = calendar.latest(rule, zone, moment - GRACE)
        if expected is None or expected < schedule.since:
            continue
        if not schedule.occurrences.filter(due_at__gte=expected).exists():
            text = "Nobody began it: the engine of this unit is not at work."
            yield Overdue(schedule, expected, text)


def _not_begun(moment: dt.datetime) -> Iterator[Overdue]:
    started = Occurrence.objects.filter(
        state=Occurrence.State.STARTED, decided_at__lt=moment - STUCK
    ).select_related("schedule")
    for occurrence in started:
        waiting = Job.objects.filter(pk__in=occurrence.jobs, state=Job.State.QUEUED)
        if waiting.exists():
            text = "Its job waits for the engine, and has not begun for hours."
            yield Overdue(occurrence.schedule, occurrence.due_at, text)
