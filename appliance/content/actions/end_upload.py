"""End an upload: what arrived is thrown away."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from appliance.content import hooks, spool
from appliance.content.errors import UploadNeeded, UploadUnknown
from appliance.content.models import Upload
from audit.actor import Actor
from audit.log import record

_SWEEP_ROWS = 50


def end_upload(upload: Upload, *, actor: Actor, why: str = "ended by its owner") -> None:
    """Remove an upload that nothing waits for; `UploadNeeded` if something does."""
    with transaction.atomic():
        if hooks.is_needed(upload):
            raise UploadNeeded(upload=str(upload.pk))
        removed, _ = Upload.objects.filter(pk=upload.pk).exclude(state=Upload.State.TAKEN).delete()
        if not removed:
            raise UploadUnknown(upload=str(upload.pk))
        record("uploads.ended", actor=actor, subject=f"upload:{upload.pk}", facts={"why": why})
    spool.remove(settings.SITE.spool, upload.pk)


def sweep_uploads() -> None:
    """End what has expired: uploads that stand still, and complete ones that nobody took."""
    expired = Upload.objects.filter(expires_at__lt=timezone.now()).exclude(state=Upload.State.TAKEN)
    for upload in expired[:_SWEEP_ROWS]:
        if not hooks.is_needed(upload):
            end_upload(upload, actor=Actor.system("uploads"), why="expired")
