"""Correct an accepted ticket. Whatever was approved is void: people approved another document."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from audit.actor import Actor
from manufacturer.registry.actions.report_end import report_end
from manufacturer.rma.actions.accept_ticket import with_editor
from manufacturer.rma.actions.drop_attempt import void_approvals
from manufacturer.rma.actions.reserve_replacement import renew_document
from manufacturer.rma.arrows import touch
from manufacturer.rma.models import Attempt, Ticket


def edit_ticket(
    *,
    actor: Actor,
    ticket: Ticket,
    reason: str | None = None,
    ended: str | None = None,
    contact_email: str | None = None,
) -> Ticket:
    """States: accepted.

    A unit that turns out tampered or stolen is revoked, and the ticket can only be cancelled.

    Raises `TicketMove`.
    """
    sets: dict[str, Any] = {"edited_by": with_editor(ticket, actor)}
    if reason is not None:
        sets["reason"] = " ".join(reason.split())
    if ended is not None:
        sets["ended"] = ended
    if contact_email is not None:
        sets["contact_email"] = contact_email
    with transaction.atomic():
        touch(
            ticket,
            actor=actor,
            states=Ticket.State.ACCEPTED,
            action="tickets.edited",
            text="The ticket was corrected; approvals given before are void.",
            facts={"fields": sorted(sets.keys() - {"edited_by"})},
            **sets,
        )
        if ended in (Ticket.Ended.TAMPERED, Ticket.Ended.STOLEN):
            report_end(actor=actor, unit=ticket.source_unit, how=ended, reason=ticket.number)
        attempt = ticket.attempts.filter(state=Attempt.State.OPEN).first()
        if attempt is not None:
            void_approvals(attempt)
            renew_document(ticket, attempt)
    return ticket
