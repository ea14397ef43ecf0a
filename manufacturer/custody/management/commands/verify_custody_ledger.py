"""Verify custody's ledger: signatures, chain, countersignatures. Exits with 1 when anything is wrong."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from manufacturer.custody.engine.ledger import verify
from manufacturer.custody.models import LedgerRow


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        faults = verify()
        if faults:
            raise CommandError("; ".join(faults))
        signed = LedgerRow.objects.exclude(countersignature="").count()
        self.stdout.write(f"{LedgerRow.objects.count()} entries, whole; {signed} countersigned")
