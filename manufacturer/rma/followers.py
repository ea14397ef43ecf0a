"""What custody's answers and openings mean for tickets; registered when the desk's apps are ready."""

from __future__ import annotations

from audit.actor import Actor
from ground.db.transitions import swap
from jobs.actions import start_job
from manufacturer.escrow.actions.answer_request import on_answer
from manufacturer.escrow.actions.mirror_ledger import on_opening
from manufacturer.escrow.models import CustodyRequest, LedgerEntry
from manufacturer.rma.actions.drop_attempt import void_approvals
from manufacturer.rma.actions.reserve_replacement import renew_document
from manufacturer.rma.arrows import move
from manufacturer.rma.models import Attempt, Ticket
from manufacturer.rma.notices import notify


@on_answer
def follow_recovery(request: CustodyRequest, actor: Actor) -> None:
    """approved → ready with the transfer; or → accepted when custody declined, with every approval void."""
    attempt = (
        Attempt.objects.select_related("ticket")
        .filter(custody_request=request, state=Attempt.State.OPEN)
        .first()
    )
    if request.kind != CustodyRequest.Kind.RECOVER or attempt is None:
        return  # voided meanwhile: custody voids what it may have made when it reads the notice
    reply, ticket = request.reply or {}, attempt.ticket
    if reply["outcome"] == "done":
        move(
            ticket,
            actor=actor,
            from_=Ticket.State.APPROVED,
            to=Ticket.State.READY,
            action="tickets.ready",
            text="Custody sealed the keys to the replacement unit.",
        )
        swap(attempt, "state", Attempt.State.OPEN, Attempt.State.OPEN, transfer=reply["transfer"])
        notify(ticket, actor=actor, what="ready")
        return
    move(
        ticket,
        actor=actor,
        from_=Ticket.State.APPROVED,
        to=Ticket.State.ACCEPTED,
        action="tickets.declined",
        text=f"Custody declined. A custodian finds the reason under request {request.pk}.",
    )
    void_approvals(attempt)
    swap(attempt, "state", Attempt.State.OPEN, Attempt.State.OPEN, custody_request=None)
    renew_document(ticket, attempt)


@on_opening
def tell_owner(entry: LedgerEntry, asked_for: bool) -> None:
    """Recoveries are mailed to the owner; an opening nobody asked for is an alarm, whatever its kind."""
    if entry.customer is not None and (entry.kind == "recover" or not asked_for):
        start_job(
            "rma.opening",
            actor=Actor.system("ledger"),
            params={"entry": str(entry.pk), "asked_for": asked_for},
            subject=f"ledger {entry.sequence}",
        )
