"""Mark one image for deletion by hand."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from appliance.backup.errors import ImageHeld, ImageNotUsable
from appliance.backup.models import BackupImage
from appliance.backup.retention.plan import why_held
from audit.actor import Actor
from audit.log import record
from ground.db.transitions import swap


def expire_image(image: BackupImage, *, actor: Actor, why: str) -> BackupImage:
    """Expired: still restorable and brought back by `keep_image`, deleted by a prune after the grace. Refused
    for what no policy would give up either: protected, in use, newest of its chain, another unit's, the
    last verified one of its target."""
    if image.state not in BackupImage.USABLE:
        raise ImageNotUsable(image=str(image.pk), state=image.state)
    with transaction.atomic():
        held = why_held(image)
        if held:
            raise ImageHeld(image=str(image.pk), reasons=list(held))
        swap(
            image,
            "state",
            image.state,
            BackupImage.State.EXPIRED,
            expired_at=timezone.now(),
            expired_from=image.state,
            expired_by="by-hand",
        )
        record(
            "backup.expired",
            actor=actor,
            subject=f"backup-image:{image.pk}",
            facts={"sequence": image.sequence, "why": why[:300], "by_hand": True},
        )
    image.refresh_from_db()
    return image
