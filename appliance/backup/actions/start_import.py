"""Take a carried image in, onto a target."""

from __future__ import annotations

from django.db import transaction

from appliance.backup.carried import check_file_name
from appliance.backup.models import BackupTarget
from audit.actor import Actor
from audit.log import record
from jobs.actions import start_job
from jobs.models import Job


def start_import(target: BackupTarget, *, actor: Actor, file: str, idempotency_key: str | None = None) -> Job:
    """`file` is the name of a file in the unit's directory for carried images."""
    check_file_name(file)
    with transaction.atomic():
        job = start_job(
            "backup.import",
            actor=actor,
            params={"target": str(target.pk), "file": file},
            subject=f"backup-target:{target.pk}",
            idempotency_key=idempotency_key,
        )
        record(
            "backup.import-started",
            actor=actor,
            subject=f"backup-target:{target.pk}",
            facts={"job": str(job.pk), "file": file},
            outcome="intent",
        )
    return job
