"""Void the open attempt of a ticket, with its approvals, its request and its reservation."""

from __future__ import annotations

from audit.actor import Actor
from ground.db.transitions import swap
from manufacturer.registry.actions.move_unit import move_unit
from manufacturer.registry.models import TransferRequest, Unit
from manufacturer.rma.models import Approval, Attempt, Ticket


def drop_attempt(ticket: Ticket, *, actor: Actor) -> Attempt | None:
    """Called inside the caller's transaction.

    The unit's request is void for ever; to serve again it asks anew.
    """
    attempt = ticket.attempts.filter(state=Attempt.State.OPEN).select_related("unit", "request").first()
    if attempt is None or not swap(attempt, "state", Attempt.State.OPEN, Attempt.State.VOID):
        return None
    void_approvals(attempt)
    swap(attempt.request, "state", TransferRequest.State.JOINED, TransferRequest.State.VOID)
    if attempt.unit.state == Unit.State.RESERVED:
        move_unit(actor=actor, unit=attempt.unit, to=Unit.State.IN_STOCK, reason=f"{ticket.number} voided")
    return attempt


def void_approvals(attempt: Attempt) -> int:
    """How many were void by this; they stay on file."""
    return Approval.objects.filter(attempt=attempt, void=False).update(void=True)
