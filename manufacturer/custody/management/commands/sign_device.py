"""Sign a new unit's identity and device record with the device authority's key; the bundle goes to stdout."""

from __future__ import annotations

import getpass
import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ground.refusals import Refusal
from manufacturer.custody.factory import read_request, sign_device
from manufacturer.custody.keyholder import read_passphrase
from sealing.errors import Refused
from sealing.passphrase import Passphrase


class Command(BaseCommand):
    help = __doc__
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("request", type=Path, help="the unit's factory request")
        parser.add_argument("--folder", type=Path, required=True, help="the ceremony's folder")
        parser.add_argument("--passphrase-file", type=Path, help="0600; asked for if it is not given")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path | None = options["passphrase_file"]
        try:
            phrase = read_passphrase(path) if path else Passphrase.of(getpass.getpass("Device authority: "))
            bundle = sign_device(read_request(options["request"]), options["folder"], phrase)
        except Refusal as refusal:
            raise CommandError(f"{refusal}. {refusal.next_step}") from refusal
        except Refused as refused:
            raise CommandError(f"the device authority's key does not open: {refused.code}") from refused
        self.stdout.write(json.dumps(bundle, indent=2, sort_keys=True))
