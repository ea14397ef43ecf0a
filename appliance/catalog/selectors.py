"""Reading the catalogue. Members see their own images; admins and auditors see all."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.db.models import QuerySet

from appliance.catalog.errors import ImageUnknown
from appliance.catalog.models import VirtualImage

if TYPE_CHECKING:
    from accounts.models import User
    from appliance.content.models import Upload


def images_for(user: User) -> QuerySet[VirtualImage]:
    """Virtual images the person may see, newest first."""
    if user.has_role("admin", "auditor"):
        return VirtualImage.objects.all()
    if user.has_role("member"):
        return VirtualImage.objects.filter(owner=user)
    return VirtualImage.objects.none()


def image_for(user: User, image_id: uuid.UUID | str) -> VirtualImage:
    """One of them; `ImageUnknown` for what is not there or not theirs to see."""
    return _one(images_for(user), image_id)


def image_for_change(user: User, image_id: uuid.UUID | str) -> VirtualImage:
    """One the person may change: their own, or any for an admin."""
    rows = images_for(user) if user.has_role("admin") else VirtualImage.objects.filter(owner=user)
    return _one(rows, image_id)


def images_in_backup(using: str = "default") -> list[VirtualImage]:
    """What a backup has to hold: every image whose content is in the store, by id."""
    ready = VirtualImage.objects.using(using).filter(state=VirtualImage.State.READY)
    return list(ready.order_by("pk"))


def live_recipes(using: str = "default") -> list[str]:
    """Recipes of everything the catalogue still needs."""
    rows = VirtualImage.objects.using(using).exclude(recipe="")
    return sorted(set(rows.values_list("recipe", flat=True)))


def waits_for(upload: Upload) -> bool:
    """Whether an image is being made from this upload."""
    return VirtualImage.objects.filter(upload_id=upload.pk).exclude(state=VirtualImage.State.READY).exists()


def _one(rows: QuerySet[VirtualImage], image_id: uuid.UUID | str) -> VirtualImage:
    try:
        found = rows.filter(pk=uuid.UUID(str(image_id))).first()
    except ValueError as error:
        raise ImageUnknown() from error
    if found is None:
        raise ImageUnknown(image=str(image_id))
    return found
