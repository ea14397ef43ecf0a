"""Reserve the unit that waits for keys, join its request to the ticket, and make the document to approve."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from audit.actor import Actor
from ground.db.transitions import swap
from manufacturer.registry.actions.move_unit import move_unit
from manufacturer.registry.models import TransferRequest, Unit
from manufacturer.rma.actions.accept_ticket import with_editor
from manufacturer.rma.arrows import touch
from manufacturer.rma.document import make_document
from manufacturer.rma.errors import RequestNotWaiting, SourceRevoked, TicketMove
from manufacturer.rma.models import Attempt, Ticket

REVOKED = (Unit.Withdrawn.TAMPERED, Unit.Withdrawn.STOLEN)


def reserve_replacement(*, actor: Actor, ticket: Ticket, transfer_request: TransferRequest) -> Ticket:
    """States: accepted, without an open attempt. Who reserves counts as having edited the ticket.

    Raises `RequestNotWaiting`, `SourceRevoked`, `TicketMove`.
    """
    unit = transfer_request.unit
    if ticket.source_unit.withdrawn_reason in REVOKED:
        raise SourceRevoked(serial=ticket.source_unit.serial, ended=ticket.source_unit.withdrawn_reason)
    if unit.customer_id not in (None, ticket.customer_id) or unit.pk == ticket.source_unit_id:
        raise RequestNotWaiting(serial=unit.serial)
    try:
        with transaction.atomic():
            touch(
                ticket,
                actor=actor,
                states=Ticket.State.ACCEPTED,
                action="tickets.reserved",
                text=f"Unit {unit.serial} was reserved; two people have to approve the document.",
                facts={"serial": unit.serial},
                attempt_number=ticket.attempt_number + 1,
                edited_by=with_editor(ticket, actor),
            )
            waiting = TransferRequest.State.WAITING
            if unit.withdrawn_reason or not swap(
                transfer_request, "state", waiting, TransferRequest.State.JOINED
            ):
                raise RequestNotWaiting(serial=unit.serial)
            if unit.state == Unit.State.IN_STOCK:
                move_unit(actor=actor, unit=unit, to=Unit.State.RESERVED, reason=ticket.number)
            elif unit.state not in (Unit.State.UNDER_REPAIR, Unit.State.SHIPPED):
                raise RequestNotWaiting(serial=unit.serial)
            attempt = Attempt.objects.create(
                ticket=ticket, number=ticket.attempt_number, request=transfer_request, unit=unit
            )
            renew_document(ticket, attempt)
    except IntegrityError as error:
        # One open attempt a ticket, one attempt a request: the constraint is the last guard.
        raise TicketMove(ticket=ticket.number, state=ticket.state, reserved=True) from error
    return ticket


def renew_document(ticket: Ticket, attempt: Attempt) -> None:
    """Make the document anew as the ticket now stands; inside the caller's transaction."""
    if ticket.source_unit.withdrawn_reason in REVOKED:
        document, digest = "", ""  # nothing to approve any more
    else:
        document, digest = make_document(ticket, attempt)
    sets = {"document": document, "document_digest": digest}
    if not swap(attempt, "state", Attempt.State.OPEN, Attempt.State.OPEN, **sets):
        raise TicketMove(ticket=ticket.number, state=ticket.state)
