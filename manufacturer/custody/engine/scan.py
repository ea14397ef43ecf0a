"""Custody looks for its own secrets where they must not be, and answers with counts only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from django.db import transaction

from manufacturer.custody.engine import gates, ledger
from manufacturer.custody.errors import NotBelieved
from manufacturer.custody.keyholder import KeyHolder
from manufacturer.custody.models import Request
from manufacturer.custody.trust import current_trust
from sealing.backupkey import BackupKey
from sealing.documents import drill, value
from sealing.documents.value import Value
from sealing.errors import Refused
from sealing.scan import ScanReport, scan_paths
from sealing.trust import Trust


def scan(paths: Iterable[Path], holder: KeyHolder, *, exclude: Iterable[Path] = ()) -> ScanReport:
    """Count custody's private keys, and every `K` that a value in custody's store opens to, in `paths`.

    The openings stand in the ledger like any others.
    """
    trust = current_trust()
    values = {found.digest: found for found in _values_in_store(trust) if holder.holds(found.authority)}
    with transaction.atomic():
        _note(holder, "intent", "begun", len(values))
        gates.count(gates.OPENINGS, opened=len(values))
    keys: list[BackupKey] = []
    for found in values.values():
        try:
            keys.append(holder.open(found, trust))
        except NotBelieved:
            continue  # a value that does not open has no key to look for
    report = scan_paths(holder.needles(keys), paths, exclude=exclude)
    with transaction.atomic():
        _note(holder, "result", "done", len(keys))
    return report


def _note(holder: KeyHolder, phase: str, outcome: str, count: int) -> None:
    ledger.append(holder.signer, kind="scan", phase=phase, outcome=outcome, subject=f"{count} values")


def _values_in_store(trust: Trust) -> Iterator[Value]:
    for documents in Request.objects.values_list("documents", flat=True).iterator(chunk_size=100):
        values = documents.get("values")
        for text in values if isinstance(values, list) else []:
            yield from _readable(text, trust)
        asked = documents.get("request")
        if isinstance(asked, str):
            try:
                yield drill.read_request(asked, trust)[1]
            except Refused:
                continue


def _readable(text: object, trust: Trust) -> Iterator[Value]:
    if isinstance(text, str):
        try:
            yield value.read(text, trust)
        except Refused:
            return
