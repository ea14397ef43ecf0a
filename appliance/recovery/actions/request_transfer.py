"""Ask for the keys of a lost unit."""

from __future__ import annotations

from django.db import transaction

from appliance.recovery.errors import NotBlank
from appliance.unit.models import Unit
from appliance.unit.selectors import unit
from audit.actor import Actor
from audit.log import record
from jobs.actions import start_job
from jobs.models import Job

MAY_ASK = (Unit.State.BLANK, Unit.State.KEYED)


def request_transfer(*, actor: Actor, idempotency_key: str | None = None) -> Job:
    """Start the job that has the key process sign a transfer request and sends it to the desk.

    A keyed unit may ask again: a later ticket may bring the keys of other epochs.
    """
    row = unit()
    if row.state not in MAY_ASK:
        raise NotBlank(state=row.state)
    with transaction.atomic():
        job = start_job(
            "recovery.request",
            actor=actor,
            params={},
            subject=f"unit:{row.serial}",
            idempotency_key=idempotency_key,
        )
        record(
            "recovery.request", actor=actor, subject=row.serial, facts={"job": str(job.id)}, outcome="intent"
        )
    return job
