"""Start a backup of the whole unit onto one target, or a dry run that says what it would send."""

from __future__ import annotations

from django.db import transaction

from appliance.backup.errors import TargetIsCopy
from appliance.backup.models import BackupTarget
from appliance.backup.selectors import require_backup_allowed
from audit.actor import Actor
from audit.log import record
from jobs.actions import start_job
from jobs.models import Job


def start_backup(
    target: BackupTarget, *, actor: Actor, dry_run: bool = False, idempotency_key: str | None = None
) -> Job:
    """Refuses at once what is known now (no active, proven key; must rotate); the job checks again."""
    require_backup_allowed()
    if target.copy_of_id is not None:
        raise TargetIsCopy(target=target.name)
    with transaction.atomic():
        job = start_job(
            "backup.foresee" if dry_run else "backup.run",
            actor=actor,
            params={"target": str(target.id)},
            subject=f"backup-target:{target.id}",
            idempotency_key=idempotency_key,
        )
        record(
            "backup.foresee-started" if dry_run else "backup.started",
            actor=actor,
            subject=f"backup-target:{target.id}",
            facts={"job": str(job.id)},
            outcome="intent",
        )
    return job
