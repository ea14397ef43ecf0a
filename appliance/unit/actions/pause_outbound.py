"""Hold back what the unit does to the world by itself, and let it go again."""

from __future__ import annotations

from django.db import transaction

from appliance.unit.models import Unit
from appliance.unit.selectors import unit
from audit.actor import Actor
from audit.log import record


def pause_outbound(*, actor: Actor, why: str) -> Unit:
    """After a restore: schedules, pruning and notices wait until an admin has looked."""
    with transaction.atomic():
        row = unit()
        row.outbound_paused, row.outbound_paused_why = True, why[:200]
        row.save(update_fields=["outbound_paused", "outbound_paused_why"])
        record("unit.outbound-paused", actor=actor, subject=row.serial, facts={"why": why})
    return row


def confirm_outbound(*, actor: Actor) -> Unit:
    """An admin has looked at what was restored: outbound work goes on."""
    with transaction.atomic():
        row = unit()
        if row.outbound_paused:
            row.outbound_paused, row.outbound_paused_why = False, ""
            row.save(update_fields=["outbound_paused", "outbound_paused_why"])
            record("unit.outbound-confirmed", actor=actor, subject=row.serial)
    return row
