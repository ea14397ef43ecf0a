"""What has to be shown before a ticket is closed.

Every point from a signed document or the desk's own rows.
"""

from __future__ import annotations

from dataclasses import dataclass

from manufacturer.escrow.models import LodgedHead, LodgedValue
from manufacturer.rma.models import Attempt, Ticket


@dataclass(frozen=True)
class Check:
    """One point of the close-out list; `detail` says what was found, or what is missing."""

    name: str
    done: bool
    detail: str


def closeout_of(ticket: Ticket) -> list[Check]:
    """The list, in the order in which it comes true. The old identity is revoked by closing itself."""
    attempt = ticket.attempts.filter(state=Attempt.State.OPEN).select_related("unit").first()
    unit = attempt.unit if attempt else None
    value = (
        LodgedValue.objects.filter(unit=unit, proven_at__isnull=False).order_by("-epoch").first()
        if unit
        else None
    )
    head = LodgedHead.objects.filter(unit=unit).order_by("-lodged_at").first() if unit else None
    installed = bool(attempt and attempt.installation_receipt)
    reported = bool(ticket.restored_report)
    return [
        Check(
            "installed",
            installed,
            "The replacement installed the keys." if installed else "No signed installation receipt yet.",
        ),
        Check(
            "restored",
            reported,
            "The unit reported every chunk authenticated." if reported else "No signed recovery report yet.",
        ),
        Check(
            "rotated",
            value is not None,
            f"Epoch {value.epoch} is lodged and drilled."
            if value
            else "No new value is lodged and drilled yet.",
        ),
        Check(
            "backed-up",
            head is not None,
            f"First image {head.sequence} lodged its head."
            if head
            else "No head of a new image is lodged yet.",
        ),
    ]
