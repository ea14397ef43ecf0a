"""Restore an image onto this unit."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils import timezone

from appliance.backup.errors import ImageNotUsable, ImageOfAnother
from appliance.backup.models import BackupImage
from appliance.keys.models import KeyEpoch
from appliance.recovery.errors import (
    ImageDamaged,
    NotKeyed,
    RestoreNotAllowed,
    RestoreRunning,
    RollbackNotAccepted,
)
from appliance.recovery.models import Restore
from appliance.unit.models import Unit
from appliance.unit.selectors import unit
from audit.actor import Actor
from audit.log import record
from ground.db.transitions import swap
from jobs.actions import start_job
from jobs.models import Job

ALLOWED = (Unit.State.KEYED, Unit.State.MUST_ROTATE, Unit.State.RESTORING)


def start_restore(
    image: BackupImage,
    *,
    actor: Actor,
    accept_rolled_back: bool = False,
    idempotency_key: str | None = None,
) -> Job:
    """Refuses what can be known now; the job checks everything again from signed documents.

    A target known to be rolled back is refused unless that is accepted in so many words. A second restore
    beside a running one is refused, by the action and by the database.
    """
    repeated = _repeated(actor, idempotency_key)
    if repeated is not None:
        return repeated
    _settle_dead(actor)
    row = unit()
    running = Restore.objects.filter(state__in=Restore.RUNNING).first()
    if running is not None:
        raise RestoreRunning(restore=str(running.pk), job=str(running.job_id))
    if row.state not in ALLOWED:
        raise RestoreNotAllowed(state=row.state)
    if image.state == BackupImage.State.DAMAGED:
        raise ImageDamaged(image=str(image.pk), problem=image.problem)
    if image.state not in BackupImage.RESTORABLE:
        raise ImageNotUsable(image=str(image.pk), state=image.state)
    if row.customer_id is None or image.customer_id != row.customer_id:
        raise ImageOfAnother(customer=str(image.customer_id))
    if not KeyEpoch.objects.filter(key_id=image.key_id).exclude(state=KeyEpoch.State.DESTROYED).exists():
        raise NotKeyed(key_id=image.key_id, epoch=image.epoch)
    if image.target.freshness == "rolled-back" and not accept_rolled_back:
        raise RollbackNotAccepted(target=image.target.name)
    with transaction.atomic():
        try:
            with transaction.atomic():
                restore = Restore.objects.create(
                    image_id=image.pk,
                    target_id=image.target_id,
                    rolled_back_accepted=accept_rolled_back,
                    started_by=actor.name[:200],
                )
        except IntegrityError as error:
            raise RestoreRunning() from error
        job = start_job(
            "recovery.restore",
            actor=actor,
            params={"restore": str(restore.pk)},
            subject=f"backup-image:{image.pk}",
            idempotency_key=idempotency_key,
        )
        Restore.objects.filter(pk=restore.pk).update(job_id=job.pk)
        record(
            "recovery.restore",
            actor=actor,
            subject=f"backup-image:{image.pk}",
            facts={"job": str(job.pk), "rolled_back_accepted": accept_rolled_back},
            outcome="intent",
        )
    return job


def _repeated(actor: Actor, key: str | None) -> Job | None:
    if not key:
        return None
    return Job.objects.filter(kind="recovery.restore", actor_id=actor.id, idempotency_key=key).first()


def _settle_dead(actor: Actor) -> None:
    """A restore whose job has ended without saying so (its process died for the last time) is over: nothing
    works on it, so it must not stand in the way for ever."""
    for restore in Restore.objects.filter(state__in=Restore.RUNNING):
        job = Job.objects.filter(pk=restore.job_id).first() if restore.job_id else None
        if job is not None and job.state in Job.LIVE:
            continue
        with transaction.atomic():
            problem = (job.refusal or None) if job is not None else None
            if swap(
                restore,
                "state",
                list(Restore.RUNNING),
                Restore.State.FAILED,
                finished_at=timezone.now(),
                problem=problem,
            ):
                record(
                    "recovery.restore-ended",
                    actor=actor,
                    subject=f"backup-image:{restore.image_id}",
                    facts={"why": "its job ended"},
                    outcome="refused",
                )
