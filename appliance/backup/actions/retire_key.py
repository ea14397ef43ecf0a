"""Retire a key that no backup image needs any more."""

from __future__ import annotations

from django.db import transaction

from appliance.backup.needed import images_needing
from appliance.keys.errors import KeyNeeded, NoSuchTransition
from appliance.keys.models import KeyEpoch
from appliance.keys.selectors import epoch
from audit.actor import Actor
from audit.log import record
from jobs.actions import start_job
from jobs.models import Job

RETIRABLE = (KeyEpoch.State.DEACTIVATED, KeyEpoch.State.COMPROMISED)


def retire_key(*, actor: Actor, key_id: str, why: str, idempotency_key: str | None = None) -> Job:
    """Destroys it for good: what it opened stays shut without a value and the manufacturer. Refused here for
    an image that rows know of; the job looks at every target, and the key process at what lies there."""
    row = epoch(key_id)
    if row.state not in RETIRABLE:
        raise NoSuchTransition(key_id=key_id, old=row.state, new="destroyed")
    needing = images_needing(key_id)
    if needing.exists():
        raise KeyNeeded(key_id=key_id, images=needing.count())
    with transaction.atomic():
        job = start_job(
            "keys.retire",
            actor=actor,
            params={"key_id": key_id, "why": why[:300]},
            subject=f"key:{key_id}",
            idempotency_key=idempotency_key,
        )
        record(
            "keys.retire-started",
            actor=actor,
            subject=f"key:{key_id}",
            facts={"job": str(job.id), "why": why[:300]},
            outcome="intent",
        )
    return job
