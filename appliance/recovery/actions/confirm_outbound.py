"""An admin has looked at what came back: outbound work may go on."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from appliance.recovery.errors import NothingToConfirm
from appliance.recovery.models import Restore
from appliance.unit.actions.pause_outbound import confirm_outbound as let_go
from appliance.unit.models import Unit
from appliance.unit.selectors import unit
from audit.actor import Actor


def confirm_outbound(*, actor: Actor) -> Unit:
    """Schedules, pruning and notices were held back since the restore."""
    if not unit().outbound_paused:
        raise NothingToConfirm()
    with transaction.atomic():
        Restore.objects.filter(state=Restore.State.DONE, outbound_confirmed_at=None).update(
            outbound_confirmed_at=timezone.now()
        )
        return let_go(actor=actor)
