"""The desk takes a ticket on: owner, serial and entitlement are in order."""

from __future__ import annotations

from django.db import transaction

from audit.actor import Actor
from manufacturer.rma.arrows import move
from manufacturer.rma.models import Ticket
from manufacturer.rma.notices import notify


def accept_ticket(*, actor: Actor, ticket: Ticket) -> Ticket:
    """submitted → accepted. Who accepts counts as having edited the ticket, and cannot approve it."""
    with transaction.atomic():
        move(
            ticket,
            actor=actor,
            from_=Ticket.State.SUBMITTED,
            to=Ticket.State.ACCEPTED,
            action="tickets.accepted",
            text="The desk accepted the ticket.",
            edited_by=with_editor(ticket, actor),
        )
        notify(ticket, actor=actor, what="accepted")
    return ticket


def with_editor(ticket: Ticket, actor: Actor) -> list[str]:
    """The people who edited the ticket, `actor` among them."""
    return sorted({*ticket.edited_by, actor.name})
