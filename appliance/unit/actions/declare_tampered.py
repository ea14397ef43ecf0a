"""Say that this unit was tampered with. It destroys its secrets and never works again."""

from __future__ import annotations

from django.db import transaction

from appliance.unit.errors import WrongState
from appliance.unit.models import Unit
from appliance.unit.selectors import unit
from audit.actor import Actor
from audit.log import record
from jobs.actions import start_job
from jobs.models import Job


def declare_tampered(*, actor: Actor, why: str) -> Job:
    """Record the intent and start the job: latch, root destroyed, nothing opens again."""
    with transaction.atomic():
        row = unit()
        if row.state in (Unit.State.TAMPERED, Unit.State.RETIRED):
            raise WrongState(state=row.state, wanted="any living state")
        record("unit.tamper", actor=actor, subject=row.serial, facts={"why": why}, outcome="intent")
        return start_job("unit.tamper", actor=actor, params={"why": why}, subject=f"unit:{row.serial}")
