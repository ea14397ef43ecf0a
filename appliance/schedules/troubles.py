"""What people are told of schedules, in one place: the words and the keys of their notices."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from appliance.notices.models import Event
from appliance.notices.raising import raise_notice, resolve_notice
from appliance.schedules.calendar import zones
from appliance.schedules.models import BackupSchedule

_LOST = {
    BackupSchedule.Task.BACKUP: "What changed since the last backup would be lost with this unit.",
    BackupSchedule.Task.VERIFY: "Nobody knows whether the newest images could be restored.",
    BackupSchedule.Task.COPY: "The second copy lacks the newest images.",
    BackupSchedule.Task.PRUNE: "Images that the retention lets go stay, and the target fills up.",
    BackupSchedule.Task.COLLECT: "What nothing needs any more stays, and the unit's disk fills up.",
}


def trouble_keys(schedule: BackupSchedule) -> list[str]:
    """The keys under which troubles of this schedule are open, if they are."""
    return [f"schedule-missed:{schedule.pk}", f"schedule-refused:{schedule.pk}"]


def tell_missed(
    schedule: BackupSchedule,
    due_at: dt.datetime,
    *,
    why: str,
    next_step: str,
    facts: dict[str, Any],
    now: dt.datetime,
) -> None:
    """A run did not happen."""
    raise_notice(
        Event.MISSED,
        key=f"schedule-missed:{schedule.pk}",
        about=f"backup-schedule:{schedule.pk}",
        subject=f"The {_what(schedule)}, due {shown(due_at, schedule.zone)}, did not happen",
        consequence=f"{why} {_LOST[BackupSchedule.Task(schedule.task)]}",
        next_step=next_step,
        facts={"schedule": str(schedule.pk), "due_at": due_at.isoformat(), **facts},
        now=now,
    )


def tell_refused(
    schedule: BackupSchedule, due_at: dt.datetime, refusal: dict[str, Any], *, now: dt.datetime
) -> None:
    """A run was refused before there was a job: no key, a rotation that is due, a target that is gone."""
    raise_notice(
        Event.FAILURE,
        key=f"schedule-refused:{schedule.pk}",
        about=f"backup-schedule:{schedule.pk}",
        subject=f"The {_what(schedule)} was refused: {refusal['title']}",
        consequence=_LOST[BackupSchedule.Task(schedule.task)],
        next_step=str(refusal["next_step"]),
        facts={"schedule": str(schedule.pk), "due_at": due_at.isoformat(), "code": refusal["code"]},
        now=now,
    )


def tell_well(schedule: BackupSchedule, now: dt.datetime) -> None:
    """A run was done: whatever was told before is over."""
    for key in trouble_keys(schedule):
        resolve_notice(key, subject=f"The {_what(schedule)} runs again", now=now)


def _what(schedule: BackupSchedule) -> str:
    return f"{schedule.get_task_display()} {schedule.name}"


def shown(moment: dt.datetime, zone: str) -> str:
    """A moment as the clock on the schedule's wall shows it."""
    known = zone if zone in zones() else "UTC"
    return f"{moment.astimezone(ZoneInfo(known)):%Y-%m-%d %H:%M} ({known})"
