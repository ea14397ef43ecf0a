"""Pause a schedule."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from appliance.schedules.models import BackupSchedule
from audit.actor import Actor
from audit.log import record


def pause_schedule(schedule: BackupSchedule, *, actor: Actor, why: str = "") -> BackupSchedule:
    """Nothing runs by it until it is resumed; what runs now goes on. Pausing twice is harmless."""
    with transaction.atomic():
        moved = BackupSchedule.objects.filter(pk=schedule.pk, enabled=True).update(
            enabled=False, paused_why=why[:200], next_due_at=None, version=F("version") + 1
        )
        if moved:
            facts = {"name": schedule.name, "why": why[:200]}
            record("schedules.paused", actor=actor, subject=f"backup-schedule:{schedule.pk}", facts=facts)
    schedule.refresh_from_db()
    return schedule
