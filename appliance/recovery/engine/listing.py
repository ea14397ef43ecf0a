"""Opening a backup image on a unit that has its key, and reading what is in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from appliance.backup.engine import house
from appliance.backup.engine.verify import Opened, open_image, place_of, read_header
from appliance.backup.models import BackupImage
from appliance.backup.targets import Target
from appliance.keys.client import ImageKeys
from appliance.recovery.engine.restore_rules import require_ours
from appliance.recovery.models import ImageListing, ListedObject
from ground.refusals import Missing
from jobs.handlers import JobContext
from sealing.content.manifest import ImageManifest

BATCH = 500  # rows of one INSERT


@dataclass(slots=True)
class KeyedImage:
    """An image with header, pack list and manifest read, verified and agreeing, and its keys."""

    image: BackupImage
    target: Target
    opened: Opened
    keys: ImageKeys

    @property
    def manifest(self) -> ImageManifest:
        assert self.opened.manifest is not None
        return self.opened.manifest


def open_keyed(image_id: str, *, adopt: bool = False) -> KeyedImage:
    """Read and believe the image. With `adopt` the keyring keeps the image's data keys: its packs are about
    to enter the store, which then needs them for ever."""
    with house.rows():
        image = BackupImage.objects.select_related("target").filter(pk=image_id).first()
    if image is None:
        raise Missing(image=image_id)
    keys = house.key_process()
    status = keys.status()
    target, _ = house.open_checked(image.target, customer=house.customer_of(status), write=False)
    place = place_of(image)
    signed = read_header(place, target, house.trust_of(status))
    require_ours(signed.header.customer, signed.header.key_id, status)
    image_keys = house.image_keys(keys, signed.header, adopt=adopt)
    opened = open_image(place, signed, target, house.manifest_key(image_keys))
    return KeyedImage(image, target, opened, image_keys)


def list_objects(ctx: JobContext) -> dict[str, Any]:
    """The handler of `recovery.objects`: the rows are made anew, whole or not at all."""
    keyed = open_keyed(ctx.params["image"])
    objects = keyed.manifest.objects
    ctx.progress("listing objects", 0, len(objects), unit="objects")
    with house.rows(), transaction.atomic():
        image = keyed.image
        ListedObject.objects.filter(image=image).delete()
        ListedObject.objects.bulk_create(
            (
                ListedObject(
                    image=image,
                    object_id=item.id[:100],
                    kind=item.kind[:40],
                    name=item.name[:400],
                    size=item.size,
                    sha256=item.sha256 or "",
                    recipe=item.recipe,
                )
                for item in objects
            ),
            batch_size=BATCH,
        )
        facts = {"object_count": len(objects), "listed_at": timezone.now()}
        ImageListing.objects.update_or_create(image=image, defaults=facts)
    return {"image": str(keyed.image.pk), "objects": len(objects)}
