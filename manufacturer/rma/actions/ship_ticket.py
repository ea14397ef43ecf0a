"""The replacement leaves for the customer; for a unit already on site, the carrier says so."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.utils import timezone

from audit.actor import Actor
from ground.db.transitions import transition
from manufacturer.registry.actions.move_unit import move_unit
from manufacturer.registry.models import Unit
from manufacturer.rma.arrows import move
from manufacturer.rma.errors import ShipmentIncomplete
from manufacturer.rma.models import Attempt, Ticket
from manufacturer.rma.notices import notify


def ship_ticket(
    *, actor: Actor, ticket: Ticket, carrier: str, tracking: str, expected_on: dt.date | None = None
) -> Ticket:
    """ready → shipped. Raises `ShipmentIncomplete`, `TicketMove`."""
    if not carrier.strip() or not tracking.strip():
        raise ShipmentIncomplete(ticket=ticket.number)
    with transaction.atomic():
        move(
            ticket,
            actor=actor,
            from_=Ticket.State.READY,
            to=Ticket.State.SHIPPED,
            action="tickets.shipped",
            text=f"Shipped with {carrier}, {tracking}.",
            facts={"carrier": carrier, "tracking": tracking},
        )
        attempt = ticket.attempts.select_related("unit").get(state=Attempt.State.OPEN)
        transition(
            attempt,
            "state",
            Attempt.State.OPEN,
            Attempt.State.OPEN,
            carrier=carrier,
            tracking=tracking,
            expected_on=expected_on,
            shipped_at=timezone.now(),
        )
        # The unit belongs to the customer only once it has installed the keys.
        if attempt.unit.state != Unit.State.SHIPPED:
            move_unit(actor=actor, unit=attempt.unit, to=Unit.State.SHIPPED, reason=ticket.number)
        notify(ticket, actor=actor, what="shipped")
    return ticket
