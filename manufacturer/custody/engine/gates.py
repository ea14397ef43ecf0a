"""What documents alone cannot say: used already, made already, barred, tried too often.

All of it raises `NotBelieved`. Reads here are checks before an opening; the rows written after it carry the
constraints that decide a race (one worker runs at a time, and the constraints do not rely on that).
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.db.models import F

from manufacturer.custody.errors import NotBelieved
from manufacturer.custody.models import Barred, Counter, Nonce, TransferMade

# Counted since a custodian last released the subject (docs/adr/013-what-custody-counts-and-bars.md).
REFUSED_CAP = 30  # refusals of one customer's requests
OPENED_CAP = 64  # values opened for recoveries of one customer
DRILLED_CAP = 1_000  # drills of one unit
OPENINGS = "all"  # the subject under which every opening is counted, and never released


def check_not_barred(kind: str, names: Iterable[str]) -> None:
    if Barred.objects.filter(kind=kind, name__in=list(names)).exists():
        raise NotBelieved(f"barred.{kind}")


def check_nonce_fresh(value: str) -> None:
    if Nonce.objects.filter(value=value).exists():
        raise NotBelieved("nonce.used")


def check_attempt_free(ticket: str, attempt: int) -> None:
    """No transfer for this or a later attempt, none live for an earlier one."""
    made = TransferMade.objects.filter(ticket=ticket)
    if made.filter(attempt__gte=attempt).exists():
        raise NotBelieved("attempt.decided")
    if made.filter(state=TransferMade.State.LIVE).exists():
        raise NotBelieved("attempt.another-live")


def check_caps(customer: str) -> None:
    counter = _counter(f"customer:{customer}")
    if counter.refused >= REFUSED_CAP or counter.opened >= OPENED_CAP:
        raise NotBelieved("cap.customer")


def check_drill_cap(serial: str) -> None:
    if _counter(f"unit:{serial}").drilled >= DRILLED_CAP:
        raise NotBelieved("cap.drills")


def count(subject: str, **by: int) -> None:
    """Raise counters; in a transaction of its own or the caller's."""
    with transaction.atomic():
        _counter(subject)
        Counter.objects.filter(subject=subject).update(**{name: F(name) + n for name, n in by.items()})


def openings() -> int:
    """How many values were opened in this store's life, drills included; nothing lowers it."""
    return _counter(OPENINGS).opened


def release(subject: str) -> bool:
    """A custodian lets a subject try again; False when it was never counted."""
    if subject == OPENINGS:
        return False
    return bool(Counter.objects.filter(subject=subject).update(refused=0, opened=0, drilled=0))


def _counter(subject: str) -> Counter:
    return Counter.objects.get_or_create(subject=subject)[0]
