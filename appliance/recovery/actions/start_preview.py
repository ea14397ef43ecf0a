"""Look into an image's sealed manifest before restoring it."""

from __future__ import annotations

from django.db import transaction

from appliance.backup.errors import ImageNotUsable
from appliance.backup.models import BackupImage
from audit.actor import Actor
from jobs.actions import start_job
from jobs.models import Job


def start_preview(image: BackupImage, *, actor: Actor) -> Job:
    """The answer stands in the job's result and on the image."""
    if image.state not in BackupImage.RESTORABLE:
        raise ImageNotUsable(image=str(image.pk), state=image.state)
    with transaction.atomic():
        return start_job(
            "recovery.preview",
            actor=actor,
            params={"image": str(image.pk)},
            subject=f"backup-image:{image.pk}",
        )
