"""The customer has the unit in hands; only now is the transfer released, by a code mailed another way."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from audit.actor import Actor
from ground.db.transitions import swap
from jobs.actions import start_job
from manufacturer.rma.arrows import touch
from manufacturer.rma.errors import ContactMissing, TicketMove
from manufacturer.rma.models import Attempt, Ticket


def confirm_receipt(*, actor: Actor, ticket: Ticket) -> Ticket:
    """Marks the open attempt received and has the worker mail the code.

    Raises `TicketMove`, `ContactMissing`.
    """
    address = contact_of(ticket)
    with transaction.atomic():
        touch(
            ticket,
            actor=actor,
            states=Ticket.State.SHIPPED,
            action="tickets.received",
            text="Receipt confirmed; the release code is on its way by mail.",
            contact_email=address,
        )
        open_ones = Attempt.objects.filter(ticket=ticket, shipped_at__isnull=False, received_at__isnull=True)
        if not swap(open_ones, "state", Attempt.State.OPEN, Attempt.State.OPEN, received_at=timezone.now()):
            raise TicketMove(ticket=ticket.number, state=ticket.state, received=True)
        start_job("rma.release-code", actor=actor, params={"ticket": str(ticket.pk)}, subject=ticket.number)
    return ticket


def contact_of(ticket: Ticket) -> str:
    """Where the code goes: the ticket's contact, else the customer's. Raises `ContactMissing`."""
    address = ticket.contact_email or ticket.customer.contact_email
    if not address:
        raise ContactMissing(ticket=ticket.number)
    return address


def send_new_code(*, actor: Actor, ticket: Ticket) -> Ticket:
    """A new code replaces the old one and its count of attempts. Raises `TicketMove`."""
    with transaction.atomic():
        touch(
            ticket,
            actor=actor,
            states=Ticket.State.SHIPPED,
            action="tickets.code-renewed",
            text="A new release code was asked for.",
        )
        if not ticket.attempts.filter(
            state=Attempt.State.OPEN, received_at__isnull=False, installation_receipt=""
        ).exists():
            raise TicketMove(ticket=ticket.number, state=ticket.state, received=False)
        start_job("rma.release-code", actor=actor, params={"ticket": str(ticket.pk)}, subject=ticket.number)
    return ticket
