"""Make a virtual image of an upload, complete or still arriving."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from appliance.catalog.actions.start_sealing import start_sealing
from appliance.catalog.errors import UploadTaken
from appliance.catalog.models import VirtualImage
from appliance.content.actions.create_upload import clean_name
from appliance.content.errors import UploadUnknown
from appliance.content.models import Upload
from audit.actor import Actor
from audit.log import record
from ground.refusals import Invalid

if TYPE_CHECKING:
    from accounts.models import User

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
S = VirtualImage.State


def create_from_upload(
    *, actor: Actor, owner: User, upload: Upload, name: str = "", description: str = "", sha256: str = ""
) -> VirtualImage:
    """The image, which is sealed as soon as the upload is complete and a key is active.

    `sha256` (hex, of the whole content) is checked then; it may have been given with the upload instead.
    """
    sha256 = check_sha256(sha256 or upload.sha256)
    if upload.sha256 and sha256 != upload.sha256:
        raise Invalid(fields={"sha256": ["another one was declared with the upload"]})
    name = clean_name(name or upload.name)
    if not name:
        raise Invalid(fields={"name": ["an image has a name"]})
    with transaction.atomic():
        # Read under the lock, so that the upload's completion falls before or after, not between.
        now = Upload.objects.select_for_update().filter(pk=upload.pk).first()
        if now is None or now.state == Upload.State.TAKEN:
            raise UploadUnknown(upload=str(upload.pk))
        complete = now.state == Upload.State.COMPLETE
        try:
            with transaction.atomic():
                image = VirtualImage.objects.create(
                    name=name,
                    description=description,
                    owner=owner,
                    owner_name=actor.name,
                    source=VirtualImage.Source.UPLOAD,
                    upload_id=upload.pk,
                    declared_sha256=sha256,
                    size=upload.length,
                    state=S.WAITING if complete else S.RECEIVING,
                )
        except IntegrityError as error:
            raise UploadTaken(upload=str(upload.pk)) from error
        record("images.created", actor=actor, subject=f"virtual-image:{image.pk}", facts={"name": name})
        if complete:
            start_sealing(image, actor=actor)
    return image


def check_sha256(text: str) -> str:
    """Lower-case hex of a SHA-256, or empty."""
    text = text.strip().lower()
    if text and not _SHA256.match(text):
        raise Invalid(fields={"sha256": ["64 hex digits"]})
    return text
