"""Make a new key, or go on with the one that waits."""

from __future__ import annotations

from typing import Literal

from django.db import transaction

from appliance.unit.models import Unit
from appliance.unit.selectors import require_state
from audit.actor import Actor
from audit.log import record
from jobs.actions import start_job
from jobs.models import Job


def start_rotation(
    *,
    actor: Actor,
    reason: str,
    kind: Literal["symmetric", "hybrid"] = "symmetric",
    waive: str = "",
    idempotency_key: str | None = None,
) -> Job:
    """Start the job that walks R0 to R8; the first key of a unit is made the same way.

    `waive`, if not empty, is this admin's reason to go without a drill should custody not answer.
    """
    with transaction.atomic():
        row = require_state(Unit.State.IN_SERVICE, Unit.State.MUST_ROTATE)
        record("keys.rotation-asked", actor=actor, subject=row.serial, facts={"reason": reason, "kind": kind})
        return start_job(
            "keys.rotate",
            actor=actor,
            params={"reason": reason[:200], "kind": kind, "waive": waive[:300]},
            subject=f"unit:{row.serial}",
            idempotency_key=idempotency_key,
        )
