"""Forget a target. Nothing on it is touched."""

from __future__ import annotations

from django.db import transaction

from appliance.backup.errors import TargetInUse
from appliance.backup.models import BackupTarget
from audit.actor import Actor
from audit.log import record
from jobs.models import Job


def remove_target(target: BackupTarget, *, actor: Actor) -> None:
    """Remove the rows of a target and of the images known on it; the storage keeps everything."""
    with transaction.atomic():
        subjects = [
            f"backup-target:{target.id}",
            *(f"backup-image:{pk}" for pk in target.images.values_list("pk", flat=True)),
        ]
        busy = (
            Job.objects.filter(subject__in=subjects, state__in=Job.LIVE).values_list("id", flat=True).first()
        )
        if busy is not None:
            raise TargetInUse(job=str(busy))
        count = target.images.count()
        record(
            "backup.target-removed",
            actor=actor,
            subject=f"backup-target:{target.id}",
            facts={"name": target.name, "images_left_there": count},
        )
        target.images.all().delete()
        target.delete()
