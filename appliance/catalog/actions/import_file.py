"""Make a virtual image of a file that lies on the unit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from django.db import transaction

from appliance.catalog.actions.create_from_upload import check_sha256
from appliance.catalog.actions.start_sealing import start_sealing
from appliance.catalog.models import VirtualImage
from appliance.content.actions.create_upload import clean_name
from appliance.unit.selectors import require_state
from audit.actor import Actor
from audit.log import record
from ground.refusals import Invalid
from jobs.models import Job

if TYPE_CHECKING:
    from accounts.models import User


def import_file(
    *, actor: Actor, path: Path, name: str = "", sha256: str = "", owner: User | None = None
) -> tuple[VirtualImage, Job]:
    """The image and the job that seals it. The file is read by the engine, under the engine's rights.

    Only commands call this: a path is for whoever has a shell on the unit, never for a request.
    """
    require_state("must_rotate", "in_service")
    if not path.is_absolute() or len(str(path)) > 1000:
        raise Invalid(fields={"path": ["an absolute path of at most 1000 characters"]})
    name = clean_name(name or path.name)
    with transaction.atomic():
        image = VirtualImage.objects.create(
            name=name,
            owner=owner,
            owner_name=actor.name,
            source=VirtualImage.Source.FILE,
            path=str(path),
            declared_sha256=check_sha256(sha256),
            state=VirtualImage.State.WAITING,
        )
        record(
            "images.created",
            actor=actor,
            subject=f"virtual-image:{image.pk}",
            facts={"name": name, "path": str(path)},
        )
        return image, start_sealing(image, actor=actor)
