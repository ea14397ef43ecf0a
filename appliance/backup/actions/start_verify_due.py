"""Verify the images of a target that most need it."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from appliance.backup.actions.start_verify import start_verify
from appliance.backup.models import BackupImage, BackupTarget
from appliance.backup.retention.plan import in_use
from audit.actor import Actor
from jobs.models import Job


def start_verify_due(
    target: BackupTarget,
    *,
    actor: Actor,
    older_than_days: int = 30,
    most: int = 5,
    idempotency_key: str | None = None,
) -> list[Job]:
    """Full verification of at most so many: never verified ones first, then those whose last look is older
    than that (the damaged among them: they may have been healed). The hook for schedules."""
    before = timezone.now() - timedelta(days=older_than_days)
    due = target.images.filter(state__in=BackupImage.USABLE).filter(
        Q(verified_at=None, checked_at=None) | Q(checked_at__lt=before) | Q(state=BackupImage.State.DAMAGED)
    )
    jobs: list[Job] = []
    with transaction.atomic():
        for image in due.order_by(F("checked_at").asc(nulls_first=True), "-made_at"):
            if len(jobs) == most:
                break
            if not in_use([image]):
                key = f"{idempotency_key} {image.pk}" if idempotency_key else None
                jobs.append(start_verify(image, actor=actor, depth="full", idempotency_key=key))
    return jobs
