"""Bring one virtual image back from a backup image, into the living catalogue."""

from __future__ import annotations

import uuid

from django.db import transaction

from appliance.backup.models import BackupImage
from appliance.recovery.errors import ObjectUnknown, RestoreRunning
from appliance.recovery.models import Restore
from appliance.recovery.partial_rules import Clash, require_living_unit, require_openable, settle_name
from appliance.recovery.selectors import objects_of
from audit.actor import Actor
from audit.log import record
from jobs.actions import start_job
from jobs.models import Job


def start_object_restore(
    image: BackupImage,
    object_id: str,
    *,
    actor: Actor,
    name: str | None = None,
    clash: Clash = "refuse",
    replaces: uuid.UUID | None = None,
    dry_run: bool = False,
    idempotency_key: str | None = None,
) -> Job:
    """Refuses what can be known now; the job asks again. With `dry_run` it only tells what it would take.

    A name that is taken is refused unless the person says to keep both, or names the one to replace.
    """
    require_living_unit()
    require_openable(image)
    running = Restore.objects.filter(state__in=Restore.RUNNING).first()
    if running is not None:
        raise RestoreRunning(restore=str(running.pk), job=str(running.job_id))
    listed = objects_of(image).filter(object_id=object_id[:100]).first()
    if listed is None:
        raise ObjectUnknown(object=object_id[:100], image=str(image.pk))
    if not dry_run:
        wanted = name or listed.name
        settle_name(wanted, recipe=listed.recipe, clash=clash, replaces=replaces, made_at=image.made_at)
    with transaction.atomic():
        job = start_job(
            "recovery.object",
            actor=actor,
            params={
                "image": str(image.pk),
                "object": listed.object_id,
                "name": name or "",
                "clash": clash,
                "replaces": str(replaces or ""),
                "dry_run": dry_run,
            },
            subject=f"backup-image:{image.pk}",
            idempotency_key=idempotency_key,
        )
        if not dry_run:
            record(
                "recovery.object-restore",
                actor=actor,
                subject=f"backup-image:{image.pk}",
                facts={"job": str(job.pk), "object": listed.object_id, "clash": clash},
                outcome="intent",
            )
    return job
