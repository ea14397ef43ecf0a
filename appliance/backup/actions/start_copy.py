"""Bring the copy of a target up to date."""

from __future__ import annotations

from django.db import transaction

from appliance.backup.errors import CopyRefused
from appliance.backup.models import BackupTarget
from audit.actor import Actor
from audit.log import record
from jobs.actions import start_job
from jobs.models import Job


def start_copy(
    source: BackupTarget, *, actor: Actor, to: BackupTarget, idempotency_key: str | None = None
) -> Job:
    """Start the job that copies every image of `source` to `to`, which was added as a copy of it.

    No key is needed: packs and headers travel as they are, each compared with its digest on the way.
    """
    if to.copy_of_id != source.pk:
        raise CopyRefused(why="the other target was not added as a copy of this one", to=to.name)
    with transaction.atomic():
        job = start_job(
            "backup.copy",
            actor=actor,
            params={"source": str(source.pk), "to": str(to.pk)},
            subject=f"backup-target:{to.pk}",
            idempotency_key=idempotency_key,
        )
        record(
            "backup.copy-started",
            actor=actor,
            subject=f"backup-target:{to.pk}",
            facts={"job": str(job.pk), "source": source.name},
            outcome="intent",
        )
    return job
