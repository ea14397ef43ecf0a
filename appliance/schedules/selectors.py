"""What may be asked about schedules. They are the unit's, not a person's: roles are checked at the edge."""

from __future__ import annotations

import uuid
from typing import TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet

from appliance.schedules.calendar import zones
from appliance.schedules.models import BackupSchedule, Occurrence
from appliance.schedules.outlook import Overdue, Preview, next_runs, overdue, preview
from appliance.schedules.projection import Projected, simulate_onto
from ground.refusals import Missing

__all__ = [
    "Overdue",
    "Preview",
    "Projected",
    "next_runs",
    "occurrences",
    "overdue",
    "preview",
    "schedule",
    "schedules",
    "simulate_onto",
    "zones",
]

Row = TypeVar("Row", bound=Model)


def schedules() -> QuerySet[BackupSchedule]:
    """All schedules, by name."""
    return BackupSchedule.objects.select_related("target")


def schedule(pk: uuid.UUID | str) -> BackupSchedule:
    """One schedule, or `Missing`."""
    try:
        found = schedules().filter(pk=pk).first()
    except ValidationError as error:
        raise Missing(id=str(pk)[:64]) from error
    if found is None:
        raise Missing(id=str(pk)[:64])
    return found


def occurrences(of: BackupSchedule | None = None) -> QuerySet[Occurrence]:
    """What came of the runs of a schedule, or of all; newest first."""
    rows = Occurrence.objects.select_related("schedule")
    return rows if of is None else rows.filter(schedule=of)
