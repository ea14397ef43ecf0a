"""What the schedules of a target are going to make: the moments a simulation of its retention is drawn from.

Retention lies below this room and knows no schedules, so whoever knows both hands it the moments.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from django.utils import timezone

from appliance.backup import selectors as backups
from appliance.backup.models import BackupTarget
from appliance.backup.retention import Policy, Simulation
from appliance.backup.retention.simulate import DAYS_IN_MONTH, MOST_MONTHS
from appliance.schedules import calendar
from appliance.schedules.errors import ScheduleRefusal
from appliance.schedules.models import BackupSchedule

ASSUMED_AT: Final = dt.time(2, 30)  # one run a day at this time of the policy's zone, where no schedule is


@dataclass(frozen=True, slots=True)
class Projected:
    """A simulation, and the schedules it was drawn from. `assumed`: none backs up onto the target, so one
    run a day was taken instead."""

    simulation: Simulation
    schedules: tuple[BackupSchedule, ...]
    assumed: bool


def schedules_onto(target: BackupTarget) -> list[BackupSchedule]:
    """Schedules that make backups onto the target and are not paused."""
    rows = BackupSchedule.objects.filter(target=target, task=BackupSchedule.Task.BACKUP, enabled=True)
    return list(rows.order_by("name"))


def coming_runs(schedule: BackupSchedule, after: dt.datetime, until: dt.datetime) -> list[dt.datetime]:
    """The schedule's true occurrences later than `after`, by its own rule and clock; none where its rule can
    no longer be read, which the sweeper tells of."""
    try:
        rule, zone = calendar.parse(schedule.rule), calendar.zone_of(schedule.zone)
    except ScheduleRefusal:
        return []
    runs = takewhile(lambda run: run.due_at <= until, calendar.runs(rule, zone, after))
    return [run.due_at for run in runs]


def simulate_onto(target: BackupTarget, policy: Policy, *, months: int = 3) -> Projected:
    """What the policy would keep of the images there are and of those the target's own schedules make."""
    policy.check()
    found = schedules_onto(target)
    if not found:
        drawn = backups.simulate(target, policy, months=months, at=ASSUMED_AT)
        return Projected(drawn, (), assumed=True)
    now = timezone.now()
    until = now + dt.timedelta(days=max(1, min(months, MOST_MONTHS)) * DAYS_IN_MONTH)
    runs = sorted(due for schedule in found for due in coming_runs(schedule, now, until))
    return Projected(backups.simulate(target, policy, months=months, runs=runs), tuple(found), assumed=False)
