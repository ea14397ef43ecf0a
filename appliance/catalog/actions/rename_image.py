"""Change what an image is called and said to be."""

from __future__ import annotations

from django.db import transaction

from appliance.catalog.models import VirtualImage
from appliance.content.actions.create_upload import clean_name
from audit.actor import Actor
from audit.log import record
from ground.refusals import Invalid


def rename_image(
    image: VirtualImage, *, actor: Actor, name: str | None = None, description: str | None = None
) -> VirtualImage:
    """Set what is given; the rest stays."""
    before = image.name
    if name is not None:
        image.name = clean_name(name)
        if not image.name:
            raise Invalid(fields={"name": ["an image has a name"]})
    if description is not None:
        image.description = description
    with transaction.atomic():
        VirtualImage.objects.filter(pk=image.pk).update(name=image.name, description=image.description)
        record(
            "images.renamed",
            actor=actor,
            subject=f"virtual-image:{image.pk}",
            facts={"from": before, "to": image.name},
        )
    return image
