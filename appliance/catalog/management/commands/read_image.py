"""``manage.py read_image ID``: the content of a virtual image on standard output, nothing of it on disk.

Engine side: it asks the key process for data keys, so it runs under the engine's user id.
"""

from __future__ import annotations

import sys
import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections, transaction

from appliance.catalog.errors import ImageUnknown
from appliance.catalog.models import VirtualImage
from appliance.content.engine.opening import open_store
from audit.actor import Actor
from audit.log import record
from ground.refusals import Refusal


class Command(BaseCommand):
    help = "Write the opened content of a ready virtual image to standard output."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("image", type=uuid.UUID)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            image = VirtualImage.objects.filter(pk=options["image"], state=VirtualImage.State.READY).first()
            if image is None:
                raise ImageUnknown(image=str(options["image"]))
            with transaction.atomic():
                record(
                    "images.read",
                    actor=Actor.command("read_image"),
                    subject=f"virtual-image:{image.pk}",
                    outcome="intent",
                )
            connections["default"].close()
            with open_store(writing=False) as store:
                for piece in store.iter_read(image.recipe):
                    sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        except Refusal as refusal:
            raise CommandError(f"{refusal}\n{refusal.next_step}") from refusal
