"""The desk takes a ticket on: owner, serial and entitlement are in order."""

from __future__ import annotations

from django.db import transaction

from audit.actor import Actor
from manufacturer.registry.actions.report_end import report_end
from manufacturer.registry.models import Unit
from manufacturer.rma.arrows import move
from manufacturer.rma.models import Ticket
from manufacturer.rma.notices import notify


def accept_ticket(*, actor: Actor, ticket: Ticket) -> Ticket:
    """submitted → accepted; the lost unit's identity is withdrawn as failed.

    Who accepts counts as having edited the ticket, and cannot approve it.
    """
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
        if ticket.source_unit.state == Unit.State.IN_SERVICE:
            report_end(actor=actor, unit=ticket.source_unit, how=ticket.ended, reason=ticket.number)
        notify(ticket, actor=actor, what="accepted")
    return ticket


def with_editor(ticket: Ticket, actor: Actor) -> list[str]:
    """The people who edited the ticket, `actor` among them."""
    return sorted({*ticket.edited_by, actor.name})
