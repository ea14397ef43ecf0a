"""Have custody prove that it could bring a key back."""

from __future__ import annotations

from django.db import transaction

from appliance.keys.errors import KeyDestroyed
from appliance.keys.models import KeyEpoch
from appliance.keys.refusals import NoValue
from appliance.keys.selectors import active_epoch, epoch, values_of
from appliance.unit.selectors import unit_with_desk
from audit.actor import Actor
from jobs.actions import start_job
from jobs.models import Job


def start_drill(
    *, actor: Actor, key_id: str | None = None, purpose: str = "manual", idempotency_key: str | None = None
) -> Job:
    """Start a drill of the active key's value, or of another key that still has its own."""
    with transaction.atomic():
        unit_with_desk()
        key = active_epoch() if key_id is None else epoch(key_id)
        if key is None or not values_of(key).exists():
            raise NoValue(key_id=key_id or "")
        if key.state == KeyEpoch.State.DESTROYED:
            raise KeyDestroyed(key_id=key.key_id)
        return start_job(
            "keys.drill",
            actor=actor,
            params={"key_id": key.key_id, "purpose": purpose},
            subject=f"key:{key.key_id}",
            idempotency_key=idempotency_key,
        )
