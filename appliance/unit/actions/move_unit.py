"""Take one arrow of the unit's state machine."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from appliance.unit.errors import WrongState
from appliance.unit.models import ARROWS, Unit
from appliance.unit.selectors import unit
from audit.actor import Actor
from audit.log import record
from ground.db.transitions import transition


def move_unit(*, actor: Actor, to: str, expected: str | None = None, why: str = "") -> Unit:
    """Move the unit to `to`; from `expected` if given. Being there already is fine and writes nothing.

    `WrongState` where no arrow leads, `Stale` when someone else was faster.
    """
    with transaction.atomic():
        row = unit()
        if row.state == to:
            return row
        if to not in ARROWS[row.state] or (expected is not None and row.state != expected):
            raise WrongState(state=row.state, wanted=to)
        before = row.state
        transition(row, "state", before, to, state_changed_at=timezone.now())
        record("unit.moved", actor=actor, subject=row.serial, facts={"old": before, "new": to, "why": why})
    return row
