"""Whose move a ticket is, and since when: what the queue sorts by and each ticket page says first."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils import timezone

from manufacturer.rma.selectors import approvals_needed, open_attempt, tickets_for

if TYPE_CHECKING:
    from accounts.models import User
    from manufacturer.rma.models import Attempt, Ticket

# How long each party may take before the queue calls it late.
TARGETS = {
    "desk": dt.timedelta(hours=4),
    "approvers": dt.timedelta(hours=8),
    "custody": dt.timedelta(minutes=10),
    "customer": dt.timedelta(days=7),
    "unit": dt.timedelta(days=3),
    "nobody": dt.timedelta(days=36500),
}
PARTIES = {
    "desk": "The desk",
    "approvers": "The approvers",
    "custody": "Custody",
    "customer": "The customer",
    "unit": "The replacement unit",
    "nobody": "Nobody",
}
STAGES = (
    ("submitted", "Submitted"),
    ("accepted", "Accepted"),
    ("approved", "Approved"),
    ("ready", "Ready"),
    ("shipped", "Shipped"),
    ("installed", "Installed"),
    ("restored", "Restored"),
    ("closed", "Closed"),
)
OVER = ("closed", "refused", "cancelled")


# Where each party makes its move: for whoever looks at the ticket and is not that party.
PLACES = {
    "desk": "A clerk makes this move here, in the queue.",
    "approvers": "Each approver signs in here and finds the ticket in the queue.",
    "custody": "Custody does this by itself, as a rule within seconds. This page follows it.",
    "customer": "The customer's contact signs in here and finds the ticket on the first page.",
}


@dataclass(frozen=True)
class Turn:
    """`party` is a key of `PARTIES`; `move` says in words what they do, `after` what follows."""

    party: str
    move: str
    after: str
    since: dt.datetime
    where: str = ""
    """Where the move is made, if not where `PLACES` says."""

    barred: frozenset[str] = frozenset()
    """User names of this party who cannot make it: they signed already, or opened or edited the ticket."""

    @property
    def who(self) -> str:
        return PARTIES[self.party]

    @property
    def place(self) -> str:
        return self.where or PLACES.get(self.party, "")

    @property
    def late(self) -> bool:
        return timezone.now() - self.since > TARGETS[self.party]


def turn_of(ticket: Ticket) -> Turn:
    """Read from the ticket's state and its open attempt."""
    since = ticket.changed_at
    attempt = open_attempt(ticket)
    match ticket.state:
        case "submitted":
            return Turn(
                "desk", "Accept the ticket, or refuse it with a reason.", "A replacement is reserved.", since
            )
        case "accepted":
            needed = approvals_needed(ticket)
            if attempt is None or not attempt.document:
                return Turn(
                    "desk", "Reserve a replacement that waits with its transfer request.",
                    f"{_number(needed)} approvers sign the exact ticket document.", since,
                )  # fmt: skip
            signed = list(attempt.approvals.filter(void=False).values_list("person", flat=True))
            return Turn(
                "approvers", f"Sign the ticket document: {len(signed)} of {needed} signatures are there.",
                "Custody opens the value and seals the key to the replacement.", since,
                barred=frozenset({*signed, ticket.opened_by, *ticket.edited_by}),
            )  # fmt: skip
        case "approved":
            return Turn("custody", "Check everything, open the value, seal the key to the replacement.",
                        "The replacement can be shipped.", since)  # fmt: skip
        case "ready":
            return Turn("desk", "Ship the replacement.", "The customer confirms that it arrived.", since)
        case "shipped" if attempt is None or attempt.received_at is None:
            return Turn("customer", "Confirm that the replacement arrived.",
                        "A one-time code goes out by mail and releases the transfer.", since)  # fmt: skip
        case "shipped":
            return Turn("customer", "Enter the one-time code from the mail on the replacement unit.",
                        "The unit fetches its transfer and installs the key.", since,
                        _on_unit(attempt, "step “Install the transfer”"))  # fmt: skip
        case "installed":
            return Turn("unit", "Restore, rotate the key, make and verify the first backup.",
                        "The unit reports, and the desk can close the ticket.", since,
                        _on_unit(attempt, "which leads from step to step"))  # fmt: skip
        case "restored":
            return Turn("desk", "Go through the close-out list and close the ticket.",
                        "The old unit's identity is revoked for ever.", since)  # fmt: skip
        case _:
            return Turn("nobody", "This ticket is over.", "", since)


def is_for(turn: Turn, user: User) -> bool:
    """Whether this person is of the party whose move it is."""
    return {
        "desk": user.has_role("clerk"),
        "approvers": user.has_role("approver") and user.get_username() not in turn.barred,
        "customer": user.has_role("contact"),
        "unit": user.has_role("contact"),
    }.get(turn.party, False)


def waiting_for(user: User) -> int:
    """How many open tickets wait for this person."""
    return sum(is_for(turn_of(ticket), user) for ticket in tickets_for(user).exclude(state__in=OVER)[:200])


def stages_of(ticket: Ticket) -> list[dict[str, object]]:
    """The way of a ticket, with where it stands."""
    names = [name for name, _label in STAGES]
    at = names.index(ticket.state) if ticket.state in names else -1
    return [
        {
            "label": label,
            "done": place < at or ticket.state == "closed",
            "here": place == at and ticket.state != "closed",
        }
        for place, (_name, label) in enumerate(STAGES)
    ]


def _on_unit(attempt: Attempt | None, part: str) -> str:
    serial = attempt.unit.serial if attempt else "the replacement"
    return f"This happens on {serial} itself: sign in there and open its page Recovery, {part}."


def _number(count: int) -> str:
    return {2: "Two", 3: "Three"}.get(count, str(count))
