"""Close a ticket when every point of the close-out list is shown.

The lost unit's identity is revoked with it.
"""

from __future__ import annotations

from django.db import transaction

from audit.actor import Actor
from manufacturer.registry.actions.withdraw_identity import WEIGHT, withdraw_identity
from manufacturer.registry.models import Unit
from manufacturer.rma.arrows import move
from manufacturer.rma.closeout import closeout_of
from manufacturer.rma.errors import CloseoutIncomplete
from manufacturer.rma.models import Ticket
from manufacturer.rma.notices import notify


def close_ticket(*, actor: Actor, ticket: Ticket) -> Ticket:
    """restored → closed. Raises `CloseoutIncomplete` with the open points, `TicketMove`."""
    with transaction.atomic():
        move(
            ticket,
            actor=actor,
            from_=Ticket.State.RESTORED,
            to=Ticket.State.CLOSED,
            action="tickets.closed",
            text="Closed: restored, rotated, backed up again; the lost unit's identity is revoked.",
        )
        missing = [check.detail for check in closeout_of(ticket) if not check.done]
        if missing:
            raise CloseoutIncomplete(ticket=ticket.number, open=missing)
        source = ticket.source_unit
        if WEIGHT[source.withdrawn_reason] < WEIGHT[Unit.Withdrawn.CLOSED_OUT]:
            withdraw_identity(actor=actor, unit=source, reason=Unit.Withdrawn.CLOSED_OUT)
        notify(ticket, actor=actor, what="closed")
    return ticket
