"""Take a finished approval: a signature made on the approver's own side over the exact ticket document.

No key and no passphrase ever comes here. The desk checks what custody will check again by its own roster.
"""

from __future__ import annotations

from django.db import IntegrityError, transaction

from audit.actor import Actor
from ground.db.transitions import swap
from ground.refusals import Refusal
from manufacturer.escrow.models import CustodyRequest
from manufacturer.registry.errors import DocumentRefused
from manufacturer.registry.trust import current_trust, reading
from manufacturer.rma.arrows import move, touch
from manufacturer.rma.document import documents_for_custody
from manufacturer.rma.errors import (
    ApprovalByCustomer,
    DocumentMissing,
    NotOnRoster,
    OtherDocument,
    OwnApproval,
    SecondApproval,
    TicketMove,
)
from manufacturer.rma.models import Approval, Attempt, Ticket
from manufacturer.rma.notices import notify
from sealing.documents import approval as approval_document
from sealing.documents import ticket as ticket_document
from sealing.encoding import normalise_pasted
from sealing.errors import Refused

RACES = 8  # approvers who may be faster, one after the other, before this one is asked to try again
_REFUSALS: dict[str, type[Refusal]] = {
    "chain.not-on-roster": NotOnRoster,
    "chain.not-approver": NotOnRoster,
    "binding.own-act": OwnApproval,
    "binding.own-customer": ApprovalByCustomer,
    "binding.document": OtherDocument,
    "binding.ticket": OtherDocument,
}


def add_approval(*, actor: Actor, ticket: Ticket, approval: str) -> Ticket:
    """accepted → accepted, or → approved with the last signature needed; custody is asked in the same commit.

    Raises `DocumentMissing`, `NotOnRoster`, `OwnApproval`, `ApprovalByCustomer`, `SecondApproval`,
    `OtherDocument`, `DocumentRefused`, `TicketMove`.
    """
    text = normalise_pasted(approval)
    for _ in range(RACES):
        try:
            with transaction.atomic():
                return _add(actor, ticket, text)
        except TicketMove:
            # Another approval may just have been faster; decide again on the ticket as it now is.
            ticket.refresh_from_db()
            if ticket.state != Ticket.State.ACCEPTED:
                raise
        except IntegrityError as error:
            raise SecondApproval(ticket=ticket.number) from error
    raise TicketMove(ticket=ticket.number, state=ticket.state)


def _add(actor: Actor, ticket: Ticket, text: str) -> Ticket:
    if ticket.state != Ticket.State.ACCEPTED:
        raise TicketMove(ticket=ticket.number, state=ticket.state, allowed_from=["accepted"])
    attempt = ticket.attempts.filter(state=Attempt.State.OPEN).select_related("unit", "request").first()
    if attempt is None or not attempt.document:
        raise DocumentMissing(ticket=ticket.number)
    person, needed = _verify(ticket, attempt, text)
    so_far = attempt.approvals.filter(void=False)
    if so_far.filter(person=person).exists():
        raise SecondApproval(ticket=ticket.number, person=person)
    count = so_far.count() + 1
    words = f"{person} approved ({count} of {needed})."
    facts = {"person": person, "document": attempt.document_digest}
    # The compare-and-swap comes before the row: whoever loses it counts again.
    if count < needed:
        touch(
            ticket,
            actor=actor,
            states=Ticket.State.ACCEPTED,
            action="tickets.approval",
            text=words,
            facts=facts,
        )
    else:
        move(
            ticket,
            actor=actor,
            from_=Ticket.State.ACCEPTED,
            to=Ticket.State.APPROVED,
            action="tickets.approved",
            text=f"{words} Custody was asked.",
            facts=facts,
        )
    Approval.objects.create(
        attempt=attempt, person=person, document_digest=attempt.document_digest, document=text
    )
    if count >= needed:
        _ask_custody(ticket, attempt)
        notify(ticket, actor=actor, what="approved")
    return ticket


def _verify(ticket: Ticket, attempt: Attempt, text: str) -> tuple[str, int]:
    """Whose approval it is, and how many are needed; a precise refusal for each thing that is wrong."""
    trust = current_trust()
    with reading():
        document = ticket_document.read(attempt.document, trust)
    try:
        found = approval_document.read(text, document, trust)
    except Refused as refused:
        known = _REFUSALS.get(refused.code)
        if known is not None:
            raise known(ticket=ticket.number) from refused
        raise DocumentRefused(fault=refused.code, detail=refused.message) from refused
    return found.person, approval_document.needed(document)


def _ask_custody(ticket: Ticket, attempt: Attempt) -> None:
    request = CustodyRequest.objects.create(
        kind=CustodyRequest.Kind.RECOVER,
        subject=f"{ticket.number} attempt {attempt.number}",
        documents=documents_for_custody(ticket, attempt),
    )
    swap(attempt, "state", Attempt.State.OPEN, Attempt.State.OPEN, custody_request=request)
