"""Read which objects are in an image, from its sealed manifest."""

from __future__ import annotations

from django.db import transaction

from appliance.backup.models import BackupImage
from appliance.recovery.partial_rules import require_openable
from audit.actor import Actor
from jobs.actions import start_job
from jobs.models import Job


def start_object_list(image: BackupImage, *, actor: Actor, idempotency_key: str | None = None) -> Job:
    """The list then stands in `selectors.objects_of(image)`."""
    require_openable(image)
    with transaction.atomic():
        return start_job(
            "recovery.objects",
            actor=actor,
            params={"image": str(image.pk)},
            subject=f"backup-image:{image.pk}",
            idempotency_key=idempotency_key,
        )
