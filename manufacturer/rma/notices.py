"""Mail to the customer's contact: rows of work for the worker, never sent from a request."""

from __future__ import annotations

from audit.actor import Actor
from jobs.actions import start_job
from manufacturer.rma.models import Ticket


def notify(ticket: Ticket, *, actor: Actor, what: str) -> None:
    """Have the worker mail the contact that `what` happened; inside the caller's transaction."""
    if ticket.contact_email:
        start_job(
            "rma.notice",
            actor=actor,
            params={"ticket": str(ticket.pk), "what": what},
            subject=ticket.number,
        )
