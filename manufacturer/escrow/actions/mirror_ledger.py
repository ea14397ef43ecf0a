"""Mirror custody's ledger and countersign each entry seen.

An opening nobody here asked for alarms its owner.
"""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections.abc import Callable, Sequence

from django.db import transaction

from audit.actor import Actor
from audit.log import record
from manufacturer.escrow.errors import LedgerGap
from manufacturer.escrow.models import CustodyRequest, LedgerEntry
from manufacturer.registry.models import Customer
from manufacturer.registry.trust import current_trust, front_desk, reading
from sealing.documents import ledger

Watcher = Callable[[LedgerEntry, bool], None]
_watchers: list[Watcher] = []


def on_opening(watcher: Watcher) -> Watcher:
    """Call `watcher(entry, asked_for)` for each entry about an opening, inside the mirror's transaction."""
    _watchers.append(watcher)
    return watcher


def mirror_ledger(*, actor: Actor, entries: Sequence[str]) -> dict[str, str]:
    """Digest → countersignature of each entry. Entries seen before are countersigned again, never changed.

    Raises `DocumentRefused`, `LedgerGap`.
    """
    trust, signer = current_trust(), front_desk()
    signed: dict[str, str] = {}
    with transaction.atomic():
        for text in entries:
            with reading():
                entry = ledger.read(text, trust)
            _take(entry, actor)
            signed[entry.digest] = ledger.countersign(entry, iat=int(time.time()), signer=signer)
    return signed


def _take(entry: ledger.LedgerEntry, actor: Actor) -> None:
    known = LedgerEntry.objects.filter(sequence=entry.sequence).first()
    if known is not None:
        if known.digest != entry.digest:
            # Custody showed two histories: the first is countersigned, this one never will be.
            raise LedgerGap(sequence=entry.sequence, differs=True)
        return
    last = LedgerEntry.objects.order_by("-sequence").first()
    wanted = (1, "") if last is None else (last.sequence + 1, last.digest)
    if (entry.sequence, entry.previous or "") != wanted:
        raise LedgerGap(sequence=entry.sequence, wanted=wanted[0])
    row = LedgerEntry.objects.create(
        id=uuid.uuid4(),
        sequence=entry.sequence,
        digest=entry.digest,
        previous=entry.previous or "",
        kind=entry.kind,
        phase=entry.phase,
        customer=Customer.objects.filter(pk=entry.customer).first() if entry.customer else None,
        subject=entry.subject,
        document=entry.text,
        made_at=dt.datetime.fromtimestamp(entry.iat, dt.UTC),
    )
    if entry.kind in ("recover", "drill") and entry.phase == "intent":
        _watch(row, entry, actor)


def _watch(row: LedgerEntry, entry: ledger.LedgerEntry, actor: Actor) -> None:
    asked_for = (
        entry.request is not None
        and CustodyRequest.objects.filter(pk=entry.request, kind=entry.kind).exists()
    )
    record(
        "ledger.opening" if asked_for else "ledger.opening-not-asked-for",
        actor=actor,
        subject=str(entry.customer or ""),
        facts={"sequence": entry.sequence, "kind": entry.kind, "subject": entry.subject},
    )
    for watcher in _watchers:
        watcher(row, asked_for)
