"""The one way a ticket changes.

A compare-and-swap on state and revision, with its timeline row and its event.

`move` changes the state, `touch` leaves it; both raise the revision, so whoever decided on an older revision
loses. Called inside a transaction, first thing: on PostgreSQL the UPDATE also takes the row's lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit.actor import Actor
from audit.log import record
from ground.db.transitions import swap
from manufacturer.rma.errors import TicketMove
from manufacturer.rma.models import Ticket, TimelineEntry


def move(
    ticket: Ticket,
    *,
    actor: Actor,
    from_: str | Iterable[str],
    to: str,
    action: str,
    text: str,
    facts: Mapping[str, Any] | None = None,
    **sets: Any,
) -> None:
    """One arrow. Raises `TicketMove` when the ticket is not in `from_` at the revision that was read."""
    assert transaction.get_connection().in_atomic_block
    rows = Ticket.objects.filter(pk=ticket.pk, revision=ticket.revision)
    wanted = [from_] if isinstance(from_, str) else list(from_)
    changed_at = timezone.now()
    if not swap(rows, "state", wanted, to, revision=ticket.revision + 1, changed_at=changed_at, **sets):
        now = Ticket.objects.filter(pk=ticket.pk).values_list("state", flat=True).first()
        raise TicketMove(ticket=ticket.number, state=now, wanted=to, allowed_from=[str(s) for s in wanted])
    ticket.state, ticket.revision, ticket.changed_at = to, ticket.revision + 1, changed_at
    for name, value in sets.items():
        setattr(ticket, name, value)
    TimelineEntry.objects.create(
        ticket=ticket, sequence=ticket.revision, state=to, actor=str(actor), text=text
    )
    record(
        action,
        actor=actor,
        subject=ticket.number,
        facts={"state": to, "customer": str(ticket.customer_id), **(facts or {})},
    )


def touch(
    ticket: Ticket,
    *,
    actor: Actor,
    states: str | Iterable[str],
    action: str,
    text: str,
    facts: Mapping[str, Any] | None = None,
    **sets: Any,
) -> None:
    """A change that leaves the state where it is, guarded in the same way."""
    wanted = [states] if isinstance(states, str) else list(states)
    if ticket.state not in wanted:
        raise TicketMove(ticket=ticket.number, state=ticket.state, allowed_from=[str(s) for s in wanted])
    move(
        ticket,
        actor=actor,
        from_=ticket.state,
        to=ticket.state,
        action=action,
        text=text,
        facts=facts,
        **sets,
    )
