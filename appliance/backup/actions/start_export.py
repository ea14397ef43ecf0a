"""Write an image into a single file for a carried disk."""

from __future__ import annotations

from django.db import transaction

from appliance.backup.carried import SUFFIX, check_file_name
from appliance.backup.errors import ImageNotUsable
from appliance.backup.models import BackupImage
from audit.actor import Actor
from audit.log import record
from jobs.actions import start_job
from jobs.models import Job

EXPORTABLE = (BackupImage.State.COMMITTED, BackupImage.State.VERIFIED, BackupImage.State.EXPIRED)


def start_export(
    image: BackupImage, *, actor: Actor, name: str | None = None, idempotency_key: str | None = None
) -> Job:
    """Into the unit's directory for carried images, under `name` or one made of serial and sequence."""
    if image.state not in EXPORTABLE:
        raise ImageNotUsable(image=str(image.pk), state=image.state)
    usual = f"{image.serial}-{image.sequence:06d}-{image.pk.hex[:8]}"
    file = check_file_name((name or usual).removesuffix(SUFFIX) + SUFFIX)
    with transaction.atomic():
        job = start_job(
            "backup.export",
            actor=actor,
            params={"image": str(image.pk), "file": file},
            subject=f"backup-image:{image.pk}",
            idempotency_key=idempotency_key,
        )
        record(
            "backup.export-started",
            actor=actor,
            subject=f"backup-image:{image.pk}",
            facts={"job": str(job.pk), "file": file},
            outcome="intent",
        )
    return job
