"""A ticket is withdrawn before custody was asked."""

from __future__ import annotations

from django.db import transaction

from audit.actor import Actor
from manufacturer.rma.actions.drop_attempt import drop_attempt
from manufacturer.rma.arrows import move
from manufacturer.rma.models import Ticket
from manufacturer.rma.notices import notify


def cancel_ticket(*, actor: Actor, ticket: Ticket, reason: str = "") -> Ticket:
    """submitted | accepted → cancelled; a reserved unit goes back to stock. Raises `TicketMove`."""
    with transaction.atomic():
        move(
            ticket,
            actor=actor,
            from_=[Ticket.State.SUBMITTED, Ticket.State.ACCEPTED],
            to=Ticket.State.CANCELLED,
            action="tickets.cancelled",
            text=f"Cancelled. {reason}".strip(),
            facts={"reason": reason},
        )
        drop_attempt(ticket, actor=actor)
        notify(ticket, actor=actor, what="cancelled")
    return ticket
