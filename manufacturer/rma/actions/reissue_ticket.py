"""Void the transfer that was made and begin again: another request, other approvals; never two live."""

from __future__ import annotations

import time
from typing import Literal

from django.db import transaction

from audit.actor import Actor
from manufacturer.escrow.models import CustodyRequest
from manufacturer.registry.actions.report_end import report_end
from manufacturer.registry.models import Unit
from manufacturer.registry.trust import front_desk
from manufacturer.rma.actions.accept_ticket import with_editor
from manufacturer.rma.actions.drop_attempt import drop_attempt
from manufacturer.rma.arrows import move
from manufacturer.rma.errors import ReasonMissing
from manufacturer.rma.models import Attempt, Ticket
from manufacturer.rma.notices import notify
from sealing.documents import void

Fate = Literal["kept", "lost", "dead"]
_ENDS = {"lost": "stolen", "dead": "failed"}


def reissue_ticket(*, actor: Actor, ticket: Ticket, reason: str, unit: Fate = "kept") -> Ticket:
    """approved | ready | shipped → accepted.

    `unit` says what became of the unit: kept, lost, or dead on arrival.

    Raises `ReasonMissing`, `TicketMove`.
    """
    if not reason.strip():
        raise ReasonMissing(ticket=ticket.number)
    with transaction.atomic():
        move(
            ticket,
            actor=actor,
            from_=[Ticket.State.APPROVED, Ticket.State.READY, Ticket.State.SHIPPED],
            to=Ticket.State.ACCEPTED,
            action="tickets.reissued",
            text=f"The replacement was voided: {reason}",
            facts={"reason": reason, "unit": unit},
            edited_by=with_editor(ticket, actor),
        )
        attempt = drop_attempt(ticket, actor=actor)
        assert attempt is not None  # these states have an open attempt; only this transaction voids it
        _void_in_custody(ticket, attempt, reason)
        if unit in _ENDS and attempt.unit.state == Unit.State.SHIPPED:
            report_end(actor=actor, unit=attempt.unit, how=_ENDS[unit], reason=ticket.number)
        notify(ticket, actor=actor, what="reissued")
    return ticket


def _void_in_custody(ticket: Ticket, attempt: Attempt, reason: str) -> None:
    notice = void.VoidNotice(
        ticket=str(ticket.pk),
        attempt=attempt.number,
        customer=str(ticket.customer_id),
        reason=" ".join(reason.split())[:500],
        iat=int(time.time()),
    )
    CustodyRequest.objects.create(
        kind=CustodyRequest.Kind.VOID,
        subject=f"{ticket.number} attempt {attempt.number} voided",
        documents={"notice": void.issue(notice, front_desk())},
    )
