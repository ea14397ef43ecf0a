"""Import a ceremony's public bundle, or a newer one of the same ceremony."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.actor import Actor
from ground.refusals import Refusal
from manufacturer.registry.actions.import_trust import import_trust


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("bundle", type=Path, help="public.json")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            bundle = json.loads(options["bundle"].read_text())
            row = import_trust(actor=Actor.command("import_ceremony"), bundle=bundle)
        except (OSError, ValueError) as error:
            raise CommandError(f"{options['bundle']} is no bundle") from error
        except Refusal as refusal:
            raise CommandError(f"{refusal}. {refusal.next_step}") from refusal
        self.stdout.write(f"trust {row.number} in use")
