"""The desk refuses a ticket, with a reason the customer can act on."""

from __future__ import annotations

from django.db import transaction

from audit.actor import Actor
from manufacturer.rma.arrows import move
from manufacturer.rma.errors import ReasonMissing
from manufacturer.rma.models import Ticket
from manufacturer.rma.notices import notify


def refuse_ticket(*, actor: Actor, ticket: Ticket, reason: str) -> Ticket:
    """submitted → refused. Raises `ReasonMissing`, `TicketMove`."""
    if not reason.strip():
        raise ReasonMissing(ticket=ticket.number)
    with transaction.atomic():
        move(
            ticket,
            actor=actor,
            from_=Ticket.State.SUBMITTED,
            to=Ticket.State.REFUSED,
            action="tickets.refused",
            text=f"The desk refused the ticket: {reason}",
            facts={"reason": reason},
            refusal_reason=reason,
        )
        notify(ticket, actor=actor, what="refused")
    return ticket
