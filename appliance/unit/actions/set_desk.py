"""Say where the manufacturer's desk is."""

from __future__ import annotations

from django.db import transaction

from appliance.unit.addresses import checked_address
from appliance.unit.models import Unit
from appliance.unit.selectors import unit
from audit.actor import Actor
from audit.log import record


def set_desk(*, actor: Actor, url: str) -> Unit:
    """Set or clear (empty) the desk's address. Nothing is believed because of it: documents are signed."""
    address = checked_address(url) if url.strip() else ""
    with transaction.atomic():
        row = unit()
        before, row.desk_url = row.desk_url, address
        row.save(update_fields=["desk_url"])
        record("unit.desk-set", actor=actor, subject=row.serial, facts={"old": before, "new": address})
    return row
