"""``manage.py scan_keys PATH…``: count the unit's own secrets in files, by the key process itself.

Prints one JSON line: canary_hits, by_kind, files, bytes, skipped. Counts only: what was found, and where, is
not told.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from appliance.keys.client import KeyProcess
from config.site import site
from ground.refusals import Refusal


class Command(BaseCommand):
    help = "Count the unit's own secrets in files and directories."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path)

    def handle(self, *args: Any, paths: list[Path], **options: Any) -> None:
        try:
            found = KeyProcess(site().keys_socket).scan([path.absolute() for path in paths])
        except Refusal as refusal:
            raise CommandError(f"{refusal}\n{refusal.next_step}") from refusal
        told = {
            "canary_hits": found.canary_hits,
            "by_kind": dict(found.hits),
            "files": found.files,
            "bytes": found.bytes,
            "skipped": found.skipped,
        }
        self.stdout.write(json.dumps(told))
