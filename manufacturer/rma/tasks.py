"""The worker's part of a ticket: mail. Loaded by workers only."""

from __future__ import annotations

from django.contrib.auth.hashers import make_password
from django.core.mail import send_mail
from django.db import transaction

from audit.actor import Actor
from audit.log import record
from ground.db.transitions import swap
from jobs.handlers import JobContext, handler
from manufacturer.escrow.models import LedgerEntry
from manufacturer.rma.codes import new_code, normal_code
from manufacturer.rma.errors import TicketMove
from manufacturer.rma.models import Attempt, Ticket

TEXTS = {
    "submitted": "We have your ticket and will look at it.",
    "accepted": "Your ticket was accepted. Two people now have to approve the recovery.",
    "refused": "Your ticket was refused: {reason}",
    "cancelled": "The ticket was cancelled.",
    "approved": "Two people approved the recovery; custody has been asked.",
    "ready": "The keys were sealed to your replacement unit. It ships next.",
    "shipped": "The replacement is on its way: {carrier}, {tracking}.",
    "reissued": "The former replacement was voided; another one is being prepared.",
    "installed": "The replacement has installed the keys. You can restore now.",
    "restored": "Your unit reports the restore finished and a new key proven.",
    "closed": "The ticket is closed. The lost unit's identity is revoked.",
}


@handler("rma.notice", attempts=5)
def send_notice(ctx: JobContext) -> dict[str, str]:
    """Mail one sentence about a ticket to its contact."""
    ticket = Ticket.objects.get(pk=ctx.params["ticket"])
    attempt = ticket.attempts.filter(state=Attempt.State.OPEN).first()
    text = TEXTS[ctx.params["what"]].format(
        reason=ticket.refusal_reason,
        carrier=attempt.carrier if attempt else "",
        tracking=attempt.tracking if attempt else "",
    )
    send_mail(f"Ticket {ticket.number}", text, None, [ticket.contact_email])
    return {"sent": ctx.params["what"]}


@handler("rma.release-code", attempts=5)
def send_release_code(ctx: JobContext) -> dict[str, str]:
    """Make the one-time code, keep its hash, mail it. The code itself is nowhere but in the mail.

    The hash is stored first: a code that was mailed always works, a code that was lost never does. Run again,
    it makes another code, and the former is void.
    """
    ticket = Ticket.objects.get(pk=ctx.params["ticket"])
    code = new_code()
    with transaction.atomic():
        rows = Attempt.objects.filter(
            ticket=ticket,
            received_at__isnull=False,
            installation_receipt="",
            ticket__state=Ticket.State.SHIPPED,
        )
        if not swap(
            rows,
            "state",
            Attempt.State.OPEN,
            Attempt.State.OPEN,
            code_digest=make_password(normal_code(code)),
            code_attempts=0,
        ):
            raise TicketMove(ticket=ticket.number, state=ticket.state)
        record("tickets.code-made", actor=Actor.system("worker"), subject=ticket.number)
    send_mail(
        f"Ticket {ticket.number}: release code",
        f"Enter this code on the replacement unit to fetch its transfer:\n\n    {code}\n\n"
        "It works for this unit only. Nobody from the desk will ever ask for it.\n",
        None,
        [ticket.contact_email],
    )
    return {"sent": "release-code"}


@handler("rma.opening", attempts=5)
def send_opening(ctx: JobContext) -> dict[str, bool]:
    """Tell the owner that custody opened a value of theirs; loudly when no ticket asked for it."""
    entry = LedgerEntry.objects.select_related("customer").get(pk=ctx.params["entry"])
    to = entry.customer.contact_email if entry.customer else ""
    if not to:
        return {"sent": False}
    if ctx.params["asked_for"]:
        subject, text = "An escrow value was opened", f"Ledger entry {entry.sequence}: {entry.subject}."
    else:
        subject = "ALARM: an escrow value was opened without a request"
        text = (
            f"Ledger entry {entry.sequence}: {entry.subject}. Nobody at the desk asked for this. Call us now."
        )
    send_mail(subject, text, None, [to])
    return {"sent": True}
