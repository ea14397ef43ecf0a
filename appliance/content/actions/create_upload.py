"""Begin an upload."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from appliance.content import hooks, spool
from appliance.content.actions.end_upload import sweep_uploads
from appliance.content.errors import UploadLimit, UploadNoSpace, UploadTooLarge
from appliance.content.models import Upload
from appliance.unit.selectors import require_state
from audit.actor import Actor
from audit.log import record
from ground.refusals import Invalid

if TYPE_CHECKING:
    from accounts.models import User

MAX_BYTES = 2 << 40
MAX_OPEN = 20  # for each person
LIFETIME = dt.timedelta(days=3)  # since the last byte
STATES = ("blank", "keyed", "restoring", "must_rotate", "in_service")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


def create_upload(*, actor: Actor, owner: User, length: int, name: str = "", sha256: str = "") -> Upload:
    """A new upload of `length` bytes, with room for it in the spool.

    `sha256` (hex, of the whole content) is checked when the content goes into the store. Nothing needs an
    active key: the spool is sealed to the engine, and waits.
    """
    require_state(*STATES)
    if length > MAX_BYTES:
        raise UploadTooLarge(limit=MAX_BYTES)
    name = clean_name(name)
    if sha256 and not _SHA256.match(sha256):
        raise Invalid(fields={"sha256": ["64 lower-case hex digits"]})
    place = settings.SITE.spool
    sweep_uploads()
    free = spool.free_bytes(place) - outstanding_bytes()
    if length > free:
        raise UploadNoSpace(free=max(free, 0))
    with transaction.atomic():
        if Upload.objects.filter(owner=owner, state=Upload.State.OPEN).count() >= MAX_OPEN:
            raise UploadLimit(limit=MAX_OPEN)
        upload = Upload.objects.create(
            owner=owner,
            owner_name=actor.name,
            name=name,
            sha256=sha256,
            length=length,
            state=Upload.State.OPEN if length else Upload.State.COMPLETE,
            expires_at=timezone.now() + LIFETIME,
        )
        spool.create(place, upload.pk)
        record(
            "uploads.created",
            actor=actor,
            subject=f"upload:{upload.pk}",
            facts={"name": name, "length": length},
        )
        if not length:
            hooks.completed(upload, actor)
    return upload


def outstanding_bytes() -> int:
    """What open uploads may still bring."""
    rows = Upload.objects.filter(state=Upload.State.OPEN).values_list("length", "offset")
    return sum(length - offset for length, offset in rows)


def clean_name(name: str) -> str:
    """A name for people: NFC, without control characters, at most 200 characters."""
    name = unicodedata.normalize("NFC", name).strip()
    if len(name) > 200 or any(unicodedata.category(letter)[0] == "C" for letter in name):
        raise Invalid(fields={"name": ["at most 200 characters, none of them control characters"]})
    return name
