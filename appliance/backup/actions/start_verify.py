"""Verify an image: its storage against digests, or every chunk of it."""

from __future__ import annotations

from typing import Literal

from django.db import transaction

from appliance.backup.errors import ImageNotUsable
from appliance.backup.models import BackupImage
from audit.actor import Actor
from audit.log import record
from jobs.actions import start_job
from jobs.models import Job

Depth = Literal["digests", "full"]


def start_verify(
    image: BackupImage, *, actor: Actor, depth: Depth = "full", idempotency_key: str | None = None
) -> Job:
    """`digests` needs no key and finds lost or altered storage; `full` opens every chunk on a keyed unit."""
    if image.state not in BackupImage.USABLE:
        raise ImageNotUsable(image=str(image.id), state=image.state)
    with transaction.atomic():
        job = start_job(
            "backup.verify",
            actor=actor,
            params={"image": str(image.id), "depth": depth},
            subject=f"backup-image:{image.id}",
            idempotency_key=idempotency_key,
        )
        facts = {"job": str(job.id), "depth": depth}
        record(
            "backup.verify-started",
            actor=actor,
            subject=f"backup-image:{image.id}",
            facts=facts,
            outcome="intent",
        )
    return job
