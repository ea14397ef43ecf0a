"""Ask the engine to take an image's content into the store."""

from __future__ import annotations

from django.db import transaction

from appliance.catalog.errors import NothingToSeal
from appliance.catalog.models import VirtualImage
from appliance.content.models import Upload
from audit.actor import Actor
from ground.db.transitions import swap
from jobs.actions import start_job
from jobs.models import Job

KIND = "content.seal"
S = VirtualImage.State


def start_sealing(image: VirtualImage, *, actor: Actor) -> Job:
    """A job for an image that waits. Inside the caller's transaction."""
    return start_job(KIND, actor=actor, params={"image": str(image.pk)}, subject=f"virtual-image:{image.pk}")


def seal_image(image: VirtualImage, *, actor: Actor) -> Job:
    """Try again with an image that waits or failed; `NothingToSeal` in any other state."""
    with transaction.atomic():
        if not swap(image, "state", [S.WAITING, S.FAILED], S.WAITING, problem={}):
            image.refresh_from_db()
            raise NothingToSeal(state=image.state)
        return start_sealing(image, actor=actor)


def seal_waiting(*, actor: Actor) -> list[Job]:
    """A job for every image that waits and has none: after a key became active."""
    with transaction.atomic():
        live = Job.objects.filter(kind=KIND, state__in=Job.LIVE).values_list("subject", flat=True)
        busy = {subject.partition(":")[2] for subject in live}
        waiting = [row for row in VirtualImage.objects.filter(state=S.WAITING) if str(row.pk) not in busy]
        return [start_sealing(image, actor=actor) for image in waiting]


def upload_completed(upload: Upload, actor: Actor) -> None:
    """The last byte of an upload is durable: an image that was waiting for it goes on."""
    image = VirtualImage.objects.filter(upload_id=upload.pk).first()
    if image is not None and swap(image, "state", S.RECEIVING, S.WAITING):
        start_sealing(image, actor=actor)
