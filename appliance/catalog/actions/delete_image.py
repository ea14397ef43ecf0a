"""Take an image out of the catalogue."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from appliance.catalog.errors import ImageBusy
from appliance.catalog.models import VirtualImage
from appliance.content import spool
from appliance.content.models import Upload
from audit.actor import Actor
from audit.log import record


def delete_image(image: VirtualImage, *, actor: Actor) -> None:
    """Remove the row and what is still in the spool. Backup images that hold it keep it.

    Its chunks stay in the store until they are collected: other images may share them.
    """
    with transaction.atomic():
        rows = VirtualImage.objects.filter(pk=image.pk).exclude(state=VirtualImage.State.SEALING)
        removed, _ = rows.delete()
        if not removed:
            raise ImageBusy(state=VirtualImage.State.SEALING)
        if image.upload_id is not None:
            Upload.objects.filter(pk=image.upload_id).delete()
        record(
            "images.deleted",
            actor=actor,
            subject=f"virtual-image:{image.pk}",
            facts={"name": image.name, "recipe": image.recipe},
        )
    if image.upload_id is not None:
        spool.remove(settings.SITE.spool, image.upload_id)
