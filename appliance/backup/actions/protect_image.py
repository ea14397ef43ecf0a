"""Hold an image whatever the policy says, or stop holding it."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from appliance.backup.actions.keep_image import keep_image
from appliance.backup.errors import ImageNotUsable
from appliance.backup.models import BackupImage
from audit.actor import Actor
from audit.log import record

WHY_LENGTH = 300


def protect_image(image: BackupImage, *, actor: Actor, why: str) -> BackupImage:
    """Protect it, with who and why. An expired image comes back first; one being deleted is refused."""
    with transaction.atomic():
        if image.state == BackupImage.State.EXPIRED:
            keep_image(image, actor=actor)
        rows = BackupImage.objects.filter(pk=image.pk, state__in=BackupImage.USABLE)
        held = {
            "protected_at": timezone.now(),
            "protected_by": actor.name,
            "protected_why": why[:WHY_LENGTH],
        }
        if not rows.update(**held):
            raise ImageNotUsable(image=str(image.pk), state=image.state)
        record(
            "backup.protected",
            actor=actor,
            subject=f"backup-image:{image.pk}",
            facts={"sequence": image.sequence, "why": why[:WHY_LENGTH]},
        )
    image.refresh_from_db()
    return image


def unprotect_image(image: BackupImage, *, actor: Actor) -> BackupImage:
    """The policy counts again; nothing expires before the next prune."""
    with transaction.atomic():
        rows = BackupImage.objects.filter(pk=image.pk, protected_at__isnull=False)
        if rows.update(protected_at=None, protected_by="", protected_why=""):
            facts = {"sequence": image.sequence, "was_protected_by": image.protected_by}
            record("backup.protection-ended", actor=actor, subject=f"backup-image:{image.pk}", facts=facts)
    image.refresh_from_db()
    return image
