"""``manage.py export_image IMAGE PATH``: one backup image as a single file, for a carried disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from appliance.backup.engine import house
from appliance.backup.engine.carry import export_image
from appliance.backup.engine.verify import place_of
from appliance.backup.selectors import image
from ground.refusals import Refusal


class Command(BaseCommand):
    help = "Write a backup image into a single file for a carried disk; needs no key. Run again to go on."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("image", help="id of the backup image")
        parser.add_argument("path", type=Path, help="the file to make")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            row = image(options["image"])
            trust = house.trust_of(house.key_process().status())
            target, _ = house.open_checked(row.target, customer=row.customer_id, write=False)
            told = export_image(
                place_of(row),
                target,
                trust,
                options["path"].absolute(),
                progress=lambda *_: None,
                check=lambda: None,
            )
        except Refusal as refusal:
            raise CommandError(f"{refusal}\n{refusal.next_step}") from refusal
        self.stdout.write(f"{options['path']} {told['size']} bytes")
