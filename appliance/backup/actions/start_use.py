"""Look what the packs on a target are there for."""

from __future__ import annotations

from django.db import transaction

from appliance.backup.models import BackupTarget
from audit.actor import Actor
from jobs.actions import start_job
from jobs.models import Job


def start_use(target: BackupTarget, *, actor: Actor, idempotency_key: str | None = None) -> Job:
    """The figures then stand in the target's `use`; nothing on it changes."""
    with transaction.atomic():
        return start_job(
            "backup.use",
            actor=actor,
            params={"target": str(target.pk)},
            subject=f"backup-target:{target.pk}",
            idempotency_key=idempotency_key,
        )
