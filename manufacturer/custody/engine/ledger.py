"""Custody's ledger: an intent before each opening, a result after it, each signed and naming the one before.

`append` commits with the transaction it is called in. An intent is committed on its own before the key is
touched; so there is no opening without an entry, whatever crashes when.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from django.db import transaction

from manufacturer.custody.models import LedgerRow
from manufacturer.custody.trust import current_trust
from sealing.documents import ledger
from sealing.errors import Refused
from sealing.jose import Signer
from sealing.trust import Trust


def append(
    signer: Signer,
    *,
    kind: str,
    phase: str,
    outcome: str,
    subject: str,
    request: str | None = None,
    customer: str | None = None,
    values: Iterable[str] = (),
) -> LedgerRow:
    """The next entry, signed and stored. Must run inside a transaction."""
    assert transaction.get_connection().in_atomic_block
    last = LedgerRow.objects.order_by("-sequence").first()
    entry = ledger.LedgerEntry(
        sequence=1 if last is None else last.sequence + 1,
        previous=None if last is None else last.digest,  # type: ignore[arg-type]  # stored by this function
        iat=int(time.time()),
        kind=kind,
        phase=phase,
        outcome=outcome,
        request=request,
        customer=customer,
        subject=subject,
        values=tuple(values),  # type: ignore[arg-type]  # digests of documents that were read
    )
    text = ledger.issue(entry, signer)
    return LedgerRow.objects.create(
        sequence=entry.sequence,
        previous=entry.previous or "",
        digest=ledger.digest(text),
        document=text,
    )


def unposted(most: int) -> list[str]:
    """Entries without a countersignature, in order."""
    rows = LedgerRow.objects.filter(countersignature="").order_by("sequence")[:most]
    return [row.document for row in rows]


def take_countersignatures(signed: Mapping[str, str]) -> int:
    """Keep those that verify as the front desk's, over our entry. How many were kept."""
    trust, kept = current_trust(), 0
    for digest, text in signed.items():
        row = LedgerRow.objects.filter(digest=digest, countersignature="").first()
        if row is None:
            continue
        try:
            ledger.read_countersignature(text, trust, sequence=row.sequence, entry=row.digest)
        except Refused:
            continue
        kept += LedgerRow.objects.filter(pk=row.pk, countersignature="").update(countersignature=text)
    return kept


def verify() -> list[str]:
    """What is wrong with the stored ledger, in words; empty when it is whole."""
    trust, faults = current_trust(), []
    before: ledger.LedgerEntry | None = None
    for row in LedgerRow.objects.order_by("sequence").iterator(chunk_size=1000):
        try:
            entry = ledger.read(row.document, trust)
            ledger.check_follows(entry, before)
        except Refused as refused:
            faults.append(f"entry {row.sequence}: {refused.code}")
            continue
        before = entry
        if (entry.digest, entry.sequence) != (row.digest, row.sequence):
            faults.append(f"entry {row.sequence}: the row differs from its document")
        faults += _wrong_countersignature(row, entry, trust)
    return faults


def _wrong_countersignature(row: LedgerRow, entry: ledger.LedgerEntry, trust: Trust) -> list[str]:
    if not row.countersignature:
        return []
    try:
        ledger.read_countersignature(row.countersignature, trust, sequence=entry.sequence, entry=entry.digest)
    except Refused as refused:
        return [f"countersignature of entry {row.sequence}: {refused.code}"]
    return []
