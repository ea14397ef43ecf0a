"""When a single object may come back, and under which name. Asked by the action and again by the job."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Literal

from appliance.backup.errors import ImageNotUsable, ImageOfAnother
from appliance.backup.models import BackupImage
from appliance.catalog.models import VirtualImage
from appliance.keys.models import KeyEpoch
from appliance.recovery.errors import (
    ImageDamaged,
    NotKeyed,
    ObjectNameTaken,
    PartialNotAllowed,
    ReplaceNotNamed,
)
from appliance.unit.models import Unit
from appliance.unit.selectors import unit

Clash = Literal["refuse", "keep-both", "replace"]
CLASHES: tuple[Clash, ...] = ("refuse", "keep-both", "replace")
NAME_CHARACTERS = 200
RESTORABLE = (BackupImage.State.COMMITTED, BackupImage.State.VERIFIED, BackupImage.State.EXPIRED)
ALLOWED = (Unit.State.IN_SERVICE, Unit.State.MUST_ROTATE)


def require_openable(image: BackupImage) -> None:
    """The image is whole as far as is known, of this customer, and its key is here."""
    row = unit()
    if image.state == BackupImage.State.DAMAGED:
        raise ImageDamaged(image=str(image.pk), problem=image.problem)
    if image.state not in RESTORABLE:
        raise ImageNotUsable(image=str(image.pk), state=image.state)
    if row.customer_id is None or image.customer_id != row.customer_id:
        raise ImageOfAnother(customer=str(image.customer_id))
    if not KeyEpoch.objects.filter(key_id=image.key_id).exclude(state=KeyEpoch.State.DESTROYED).exists():
        raise NotKeyed(key_id=image.key_id, epoch=image.epoch)


def require_living_unit() -> None:
    """There is a catalogue to bring the object into."""
    row = unit()
    if row.state not in ALLOWED:
        raise PartialNotAllowed(state=row.state)


def namesake(name: str) -> VirtualImage | None:
    """The virtual image that bears the name, if one does."""
    return VirtualImage.objects.filter(name=name).order_by("created_at").first()


def settle_name(
    name: str, *, recipe: str, clash: Clash, replaces: uuid.UUID | None, made_at: datetime | None
) -> tuple[str, VirtualImage | None]:
    """The name to restore under, and the virtual image that gives way; the person decides, never we."""
    name = name[:NAME_CHARACTERS]
    if clash == "replace":
        old = VirtualImage.objects.filter(pk=replaces).first() if replaces is not None else None
        if old is None or old.name != name or old.state != VirtualImage.State.READY:
            raise ReplaceNotNamed(name=name, replaces=str(replaces or ""))
        return name, old
    there = namesake(name)
    if there is None:
        return name, None
    if clash == "refuse":
        same = there.recipe == recipe
        raise ObjectNameTaken(name=name, virtual_image=str(there.pk), same_content=same)
    return _free_name(name, made_at), None


def _free_name(name: str, made_at: datetime | None) -> str:
    """A name beside the one that is taken, which says where it comes from."""
    when = f"{made_at:%Y-%m-%d %H.%M}" if made_at is not None else "a backup"
    for number in range(1, 1000):
        ending = f" (from {when})" if number == 1 else f" (from {when}, {number})"
        wanted = name[: NAME_CHARACTERS - len(ending)] + ending
        if namesake(wanted) is None:
            return wanted
    raise ObjectNameTaken(name=name)
