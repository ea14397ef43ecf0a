"""Count custody's own secrets in files and folders: one JSON line with counts, nothing else."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ground.refusals import Refusal
from manufacturer.custody.engine.scan import scan
from manufacturer.custody.keyholder import holder, try_passphrase_file


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path)
        parser.add_argument("--exclude", action="append", default=[], type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if not try_passphrase_file():
                raise CommandError("no passphrase file: the scan needs the keys it looks for")
            found = scan(options["paths"], holder(), exclude=options["exclude"])
        except Refusal as refusal:
            raise CommandError(f"{refusal}. {refusal.next_step}") from refusal
        counts = {
            "canary_hits": found.total,
            "by_kind": found.hits,
            "files": found.files,
            "bytes": found.bytes,
            "skipped": found.skipped,
        }
        self.stdout.write(json.dumps(counts, sort_keys=True))
