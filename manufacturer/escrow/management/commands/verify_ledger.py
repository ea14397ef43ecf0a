"""Verify the mirror of custody's ledger: every signature, and that each entry follows the one before."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from manufacturer.escrow.models import LedgerEntry
from manufacturer.registry.trust import current_trust
from sealing.documents import ledger
from sealing.errors import Refused


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        trust, count = current_trust(), 0
        before: ledger.LedgerEntry | None = None
        for row in LedgerEntry.objects.order_by("sequence").iterator(chunk_size=1000):
            try:
                entry = ledger.read(row.document, trust)
                ledger.check_follows(entry, before)
            except Refused as refused:
                raise CommandError(f"entry {row.sequence}: {refused.code}") from refused
            if (entry.sequence, entry.digest) != (row.sequence, row.digest):
                raise CommandError(f"entry {row.sequence}: the row differs from its document")
            before, count = entry, count + 1
        head = before.digest if before else "none"
        self.stdout.write(f"{count} entries, whole; head {head}")
