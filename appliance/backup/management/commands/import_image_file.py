"""``manage.py import_image_file FILE DIRECTORY``: a carried image back into a repository."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from appliance.backup.carried import open_carried
from appliance.backup.engine import house
from appliance.backup.engine.carry import check_place, put_carried, read_carried
from appliance.backup.targets import open_target
from ground.refusals import Refusal


class Command(BaseCommand):
    help = (
        "Check a carried image and put it into the repository in a directory, or into an empty directory, "
        "which becomes that repository; needs no key. Then add or connect the directory as a target."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("directory", type=Path, help="that holds the repository, or is empty")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            status = house.key_process().status()
            target = open_target("directory", {"path": str(options["directory"].absolute())})
            descriptor = open_carried(options["file"].absolute())
            try:
                carried = read_carried(
                    descriptor,
                    house.trust_of(status),
                    customer=house.customer_of(status),
                    progress=lambda *_: None,
                    check=lambda: None,
                )
                target.probe(write=True)
                check_place(carried, target, expected=None)
                told = put_carried(carried, descriptor, target, progress=lambda *_: None, check=lambda: None)
            finally:
                os.close(descriptor)
        except Refusal as refusal:
            raise CommandError(f"{refusal}\n{refusal.next_step}") from refusal
        self.stdout.write(f"image {told['image']} of {told['serial']}: {told['packs_new']} packs were new")
