"""An admin has looked at what came back: outbound work may go on."""

from __future__ import annotations

from appliance.recovery.errors import NothingToConfirm
from appliance.unit.actions.pause_outbound import confirm_outbound as let_go
from appliance.unit.models import Unit
from appliance.unit.selectors import unit
from audit.actor import Actor


def confirm_outbound(*, actor: Actor) -> Unit:
    """Schedules, pruning and notices were held back since the restore."""
    if not unit().outbound_paused:
        raise NothingToConfirm()
    return let_go(actor=actor)
