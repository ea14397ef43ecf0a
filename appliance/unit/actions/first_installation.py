"""Put a blank unit into service for the customer that its enrolment names."""

from __future__ import annotations

from django.db import transaction

from appliance.unit.errors import AlreadyInstalled
from appliance.unit.models import Unit
from appliance.unit.selectors import unit
from audit.actor import Actor
from audit.log import record
from jobs.actions import start_job
from jobs.models import Job


def first_installation(
    *, actor: Actor, enrolment: str | None = None, idempotency_key: str | None = None
) -> Job:
    """Start the job that has the enrolment checked and pinned; without one, it asks the desk for it."""
    with transaction.atomic():
        row = unit()
        if row.state != Unit.State.BLANK:
            raise AlreadyInstalled(state=row.state)
        record("unit.installation-asked", actor=actor, subject=row.serial, outcome="intent")
        return start_job(
            "unit.enrol",
            actor=actor,
            params={"enrolment": "".join((enrolment or "").split())},
            subject=f"unit:{row.serial}",
            idempotency_key=idempotency_key,
        )
