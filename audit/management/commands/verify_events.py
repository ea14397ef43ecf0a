"""Verify the event log; exit code 1 and one line for each fault if it was altered."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from audit.log import Verdict, verify_chain


class Command(BaseCommand):
    help = "Read every event and check that none was altered, deleted or inserted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        verdict = verify_chain()
        if options["json"]:
            self.stdout.write(json.dumps(as_dict(verdict)))
        else:
            for head in verdict.heads:
                self.stdout.write(f"chain {head.chain}: {head.sequence} events, head {head.digest}")
            for fault in verdict.faults:
                self.stdout.write(f"FAULT in chain {fault.chain} at event {fault.sequence}: {fault.reason}")
            self.stdout.write("intact" if verdict.ok else f"{len(verdict.faults)} faults")
        if not verdict.ok:
            raise SystemExit(1)


def as_dict(verdict: Verdict) -> dict[str, Any]:
    """The verdict as JSON values."""
    return {
        "ok": verdict.ok,
        "events": verdict.events,
        "heads": [
            {"chain": str(head.chain), "sequence": head.sequence, "digest": head.digest}
            for head in verdict.heads
        ],
        "faults": [
            {"chain": str(fault.chain), "sequence": fault.sequence, "reason": fault.reason}
            for fault in verdict.faults
        ],
    }
