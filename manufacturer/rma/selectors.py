"""What a person may see of tickets, what can be done next and by whom, and what close-out still lacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import QuerySet

from ground.refusals import Invalid, Missing
from manufacturer.registry.models import TransferRequest
from manufacturer.registry.selectors import is_staff, one, scoped, waiting_requests
from manufacturer.rma.closeout import Check, closeout_of
from manufacturer.rma.errors import DocumentMissing
from manufacturer.rma.models import Attempt, Ticket, TimelineEntry

if TYPE_CHECKING:
    from accounts.models import User

__all__ = [
    "Check",
    "Move",
    "approval_material",
    "closeout_of",
    "moves_of",
    "replacements_for",
    "ticket_for",
    "tickets_for",
    "timeline_of",
    "waiting_request",
]


def tickets_for(user: User) -> QuerySet[Ticket]:
    return scoped(user, Ticket.objects.select_related("customer", "appliance", "source_unit"))


def ticket_for(user: User, pk: UUID | str) -> Ticket:
    return one(tickets_for(user), pk)


def timeline_of(ticket: Ticket) -> QuerySet[TimelineEntry]:
    return ticket.timeline.order_by("sequence")


def open_attempt(ticket: Ticket) -> Attempt | None:
    return ticket.attempts.filter(state=Attempt.State.OPEN).select_related("unit", "request").first()


def replacements_for(user: User, ticket: Ticket) -> list[TransferRequest]:
    """Units that wait for keys and may be reserved for `ticket`.

    In stock, or under repair for its customer.
    """
    if not is_staff(user):
        return []
    return [
        waiting
        for waiting in waiting_requests()
        if waiting.unit.customer_id in (None, ticket.customer_id) and waiting.unit_id != ticket.source_unit_id
    ]


def waiting_request(
    user: User, transfer_request: UUID | None = None, serial: str | None = None
) -> TransferRequest:
    """One waiting request, by its id or by the unit's serial number; for staff."""
    if not is_staff(user):
        raise Missing(thing="transfer request")
    rows = TransferRequest.objects.select_related("unit")
    if transfer_request is not None:
        return one(rows, transfer_request)
    if serial is None:
        raise Invalid(transfer_request="required", serial="or this")
    found = rows.filter(unit__serial=serial, state=TransferRequest.State.WAITING).first()
    if found is None:
        raise Missing(thing="transfer request", serial=serial)
    return found


def approval_material(ticket: Ticket) -> dict[str, Any]:
    """The exact document, its digest, the signatures so far and how many are needed.

    Raises `DocumentMissing`.
    """
    attempt = open_attempt(ticket)
    if attempt is None or not attempt.document:
        raise DocumentMissing(ticket=ticket.number)
    return {
        "document": attempt.document,
        "digest": attempt.document_digest,
        "approvals": list(attempt.approvals.filter(void=False).values_list("document", flat=True)),
        "needed": approvals_needed(ticket),
    }


def approvals_needed(ticket: Ticket) -> int:
    """Two; three where a value was never lodged, and only an image's header vouches for when it was made."""
    return 3 if ticket.values.filter(receipt="").exists() else 2


@dataclass(frozen=True)
class Move:
    """One thing that can be done with a ticket; `why_not` is empty when it is allowed."""

    name: str
    label: str
    allowed: bool
    why_not: str


S = Ticket.State
_MOVES: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("accept", "Accept", "clerk", (S.SUBMITTED,)),
    ("refuse", "Refuse", "clerk", (S.SUBMITTED,)),
    ("cancel", "Cancel", "contact", (S.SUBMITTED, S.ACCEPTED)),
    ("edit", "Correct", "clerk", (S.ACCEPTED,)),
    ("request", "Reserve a replacement", "clerk", (S.ACCEPTED,)),
    ("approvals", "Approve", "approver", (S.ACCEPTED,)),
    ("shipment", "Ship", "clerk", (S.READY,)),
    ("receipt", "Confirm receipt", "contact", (S.SHIPPED,)),
    ("code", "Mail a new code", "contact", (S.SHIPPED,)),
    ("reissue", "Reissue", "clerk", (S.APPROVED, S.READY, S.SHIPPED)),
    ("close", "Close", "clerk", (S.RESTORED,)),
)


def moves_of(ticket: Ticket, user: User) -> list[Move]:
    """Every move with why it is not possible now. For buttons: the action decides again."""
    attempt = open_attempt(ticket)
    found = []
    for name, label, role, states in _MOVES:
        why = ""
        if ticket.state not in states:
            why = f"The ticket is {ticket.state}."
        elif role and not user.has_role(role) and not (role == "contact" and user.has_role("clerk")):
            why = f"This is for a {role}."
        else:
            why = _why_not(name, ticket, attempt, user)
        found.append(Move(name, label, not why, why))
    return found


def _why_not(name: str, ticket: Ticket, attempt: Attempt | None, user: User) -> str:
    if name == "approvals":
        if attempt is None or not attempt.document:
            return "No replacement is reserved yet."
        if user.get_username() in {ticket.opened_by, *ticket.edited_by}:
            return "Who opened or edited a ticket cannot approve it."
        if attempt.approvals.filter(void=False, person=user.get_username()).exists():
            return "You have approved this document."
    if name == "request" and attempt is not None:
        return "A replacement is reserved already."
    received = attempt is not None and attempt.received_at is not None
    if name == "receipt" and received:
        return "Receipt was confirmed."
    if name == "code" and not received:
        return "Confirm the receipt first."
    if name == "close":
        return "; ".join(check.detail for check in closeout_of(ticket) if not check.done)
    return ""
