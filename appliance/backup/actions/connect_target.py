"""Look at a target: is it there, is it ours, which images lie on it."""

from __future__ import annotations

from django.db import transaction

from appliance.backup.models import BackupTarget
from audit.actor import Actor
from jobs.actions import start_job
from jobs.models import Job


def connect_target(target: BackupTarget, *, actor: Actor) -> Job:
    """Start the job that probes the target and rebuilds the catalogue from the signed headers there."""
    with transaction.atomic():
        return start_job(
            "backup.survey",
            actor=actor,
            params={"target": str(target.id)},
            subject=f"backup-target:{target.id}",
        )
