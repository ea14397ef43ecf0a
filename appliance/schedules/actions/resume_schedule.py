"""Let a paused schedule run again."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from appliance.schedules import calendar
from appliance.schedules.models import BackupSchedule
from audit.actor import Actor
from audit.log import record


def resume_schedule(schedule: BackupSchedule, *, actor: Actor) -> BackupSchedule:
    """It counts from now; runs that fell into the pause were not meant to happen. Twice is harmless."""
    now = timezone.now()
    rule, zone = calendar.parse(schedule.rule), calendar.zone_of(schedule.zone)
    with transaction.atomic():
        moved = BackupSchedule.objects.filter(pk=schedule.pk, enabled=False).update(
            enabled=True,
            paused_why="",
            since=now,
            next_due_at=calendar.following(rule, zone, now),
            version=F("version") + 1,
        )
        if moved:
            facts = {"name": schedule.name}
            record("schedules.resumed", actor=actor, subject=f"backup-schedule:{schedule.pk}", facts=facts)
    schedule.refresh_from_db()
    return schedule
