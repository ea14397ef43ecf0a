"""Bring an expired image back."""

from __future__ import annotations

from django.db import transaction

from appliance.backup.errors import DeletionBegun, ImageNotUsable
from appliance.backup.models import BackupImage
from audit.actor import Actor
from audit.log import record


def keep_image(image: BackupImage, *, actor: Actor) -> BackupImage:
    """Back to the state it had, while nothing of it was deleted. A policy may mark it again: protect it."""
    with transaction.atomic():
        rows = BackupImage.objects.filter(pk=image.pk, state=BackupImage.State.EXPIRED, deletion="")
        back = image.expired_from or BackupImage.State.COMMITTED
        if not rows.update(state=back, expired_at=None, expired_from="", expired_by=""):
            image.refresh_from_db()
            if image.deletion:
                raise DeletionBegun(image=str(image.pk), state=image.state)
            raise ImageNotUsable(image=str(image.pk), state=image.state)
        record(
            "backup.kept-again",
            actor=actor,
            subject=f"backup-image:{image.pk}",
            facts={"sequence": image.sequence},
        )
    image.refresh_from_db()
    return image
