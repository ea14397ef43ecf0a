"""What a person may see of lodged values, heads, drills and the ledger; and what waits for custody."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import QuerySet

from manufacturer.escrow.models import CustodyRequest, Drill, LedgerEntry, LodgedHead, LodgedValue
from manufacturer.registry.selectors import one, scoped
from sealing.jose import peek

if TYPE_CHECKING:
    from accounts.models import User

PULL = 50  # requests custody takes in one pull


def values_for(user: User) -> QuerySet[LodgedValue]:
    return scoped(user, LodgedValue.objects.select_related("unit"))


def value_for(user: User, pk: UUID | str) -> LodgedValue:
    return one(values_for(user), pk)


def heads_for(user: User) -> QuerySet[LodgedHead]:
    return scoped(user, LodgedHead.objects.select_related("unit"), "unit__customer_id")


def drills_for(user: User) -> QuerySet[Drill]:
    return scoped(user, Drill.objects.select_related("unit"))


def drill(pk: UUID | str) -> Drill:
    """By its random id alone: for the unit that asked."""
    return one(Drill.objects.all(), pk)


def ledger_for(user: User) -> QuerySet[LedgerEntry]:
    """Each owner sees every opening of their own values."""
    return scoped(user, LedgerEntry.objects.all())


def openings_of(user: User, value: LodgedValue, most: int = 20) -> list[LedgerEntry]:
    """Entries that name this very value, newest first.

    Which values an opening concerns only the signed entry itself says, so the owner's entries are read.
    """
    rows = ledger_for(user).filter(customer_id=value.customer_id, kind__in=("recover", "drill"))
    about = (
        entry
        for entry in rows.select_related("customer").order_by("-sequence").iterator(chunk_size=500)
        # Verified when it was mirrored: here it is only read again.
        if value.digest in peek(entry.document).claims["values"]
    )
    return list(islice(about, most))


def custody_requests() -> QuerySet[CustodyRequest]:
    return CustodyRequest.objects.all()


def waiting_custody_requests() -> list[CustodyRequest]:
    """Oldest first: a void comes before the recovery that needs it."""
    return list(
        CustodyRequest.objects.filter(state=CustodyRequest.State.WAITING).order_by("created_at", "id")[:PULL]
    )


@dataclass(frozen=True)
class LedgerState:
    """How far the mirror of custody's ledger reaches, and whether it is whole."""

    entries: int
    head: str
    whole: bool
    fault: str


def ledger_state() -> LedgerState:
    """Checks the chain of digests of what is mirrored (signatures were checked on arrival)."""
    previous, count = "", 0
    for entry in LedgerEntry.objects.order_by("sequence").iterator(chunk_size=2000):
        count += 1
        if entry.sequence != count:
            return LedgerState(count, previous, False, f"entry {count} is missing")
        if entry.previous != previous:
            return LedgerState(
                count, previous, False, f"entry {entry.sequence} does not follow the one before"
            )
        previous = entry.digest
    return LedgerState(count, previous, True, "")
