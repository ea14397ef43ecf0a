"""End an upload: what arrived is thrown away."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from appliance.content import spool
from appliance.content.errors import UploadUnknown
from appliance.content.models import Upload
from audit.actor import Actor
from audit.log import record

_SWEEP_ROWS = 50


def end_upload(upload: Upload, *, actor: Actor, why: str = "ended by its owner") -> None:
    """Remove an open upload. One that is complete belongs to what waits for it: `UploadUnknown`."""
    with transaction.atomic():
        removed, _ = Upload.objects.filter(pk=upload.pk, state=Upload.State.OPEN).delete()
        if not removed:
            raise UploadUnknown(upload=str(upload.pk))
        record("uploads.ended", actor=actor, subject=f"upload:{upload.pk}", facts={"why": why})
    spool.remove(settings.SITE.spool, upload.pk)


def sweep_uploads() -> None:
    """End what has expired: uploads that stand still, and complete ones that nobody took."""
    expired = Upload.objects.filter(expires_at__lt=timezone.now(), state=Upload.State.OPEN)
    for upload in expired[:_SWEEP_ROWS]:
        end_upload(upload, actor=Actor.system("uploads"), why="expired")
