"""Remove a schedule."""

from __future__ import annotations

from django.db import transaction

from appliance.notices.raising import resolve_notice
from appliance.schedules.models import BackupSchedule
from appliance.schedules.troubles import trouble_keys
from audit.actor import Actor
from audit.log import record


def remove_schedule(schedule: BackupSchedule, *, actor: Actor) -> None:
    """The schedule and its history of runs are gone; jobs it started go on, images stay."""
    with transaction.atomic():
        facts = {"name": schedule.name, "rule": schedule.rule, "zone": schedule.zone}
        record("schedules.removed", actor=actor, subject=f"backup-schedule:{schedule.pk}", facts=facts)
        for key in trouble_keys(schedule):
            resolve_notice(key, subject=f"The schedule {schedule.name} was removed")
        schedule.delete()
