"""Bytes of an upload have become durable."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from appliance.content import hooks
from appliance.content.actions.create_upload import LIFETIME
from appliance.content.errors import UploadOffset
from appliance.content.models import Upload
from audit.actor import Actor
from audit.log import record


def advance_upload(upload: Upload, *, actor: Actor, by: int) -> None:
    """Move the offset from where the caller found it; `UploadOffset` if somebody else moved it.

    With the last byte the upload is complete, and whoever waits for that is told in the same transaction.
    """
    reached = upload.offset + by
    state = Upload.State.COMPLETE if reached == upload.length else Upload.State.OPEN
    expires_at = timezone.now() + LIFETIME
    with transaction.atomic():
        moved = Upload.objects.filter(pk=upload.pk, offset=upload.offset, state=Upload.State.OPEN).update(
            offset=reached, state=state, expires_at=expires_at, changed_at=timezone.now()
        )
        if not moved:
            raise UploadOffset(given=upload.offset, expected=None)
        upload.offset, upload.state, upload.expires_at = reached, state, expires_at
        if state == Upload.State.COMPLETE:
            record(
                "uploads.completed",
                actor=actor,
                subject=f"upload:{upload.pk}",
                facts={"name": upload.name, "length": upload.length},
            )
            hooks.completed(upload, actor)
