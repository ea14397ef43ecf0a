"""Reading uploads; everybody sees their own."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.db.models import QuerySet
from django.utils import timezone

from appliance.content.errors import UploadUnknown
from appliance.content.models import StoreLook, Upload

if TYPE_CHECKING:
    from accounts.models import User


def uploads_for(user: User) -> QuerySet[Upload]:
    """The person's own uploads that have not been taken yet, newest first."""
    return Upload.objects.filter(owner=user).exclude(state=Upload.State.TAKEN)


def upload_for(user: User, upload_id: uuid.UUID | str) -> Upload:
    """One of the person's own uploads; `UploadUnknown` for any other, and for an expired one."""
    try:
        wanted = uuid.UUID(str(upload_id))
    except ValueError as error:
        raise UploadUnknown() from error
    upload = uploads_for(user).filter(pk=wanted).first()
    if upload is None or (upload.state == Upload.State.OPEN and upload.expires_at < timezone.now()):
        raise UploadUnknown(upload=str(wanted))
    return upload


def store_looks() -> QuerySet[StoreLook]:
    """What collections and dry runs found in the store, newest first."""
    return StoreLook.objects.all()


def newest_look() -> StoreLook | None:
    """The newest of them; None if nobody ever looked."""
    return store_looks().first()


def last_collection() -> StoreLook | None:
    """The newest that was no dry run."""
    return store_looks().filter(dry_run=False).first()
