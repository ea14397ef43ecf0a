"""``manage.py import_image PATH``: make a virtual image of a file on the unit."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from accounts.models import User, normal_username
from appliance.catalog.actions.import_file import import_file
from audit.actor import Actor
from ground.refusals import Refusal
from jobs.models import Job

_LOOK_SECONDS = 0.2


class Command(BaseCommand):
    help = "Make a virtual image of a file on this unit; the engine reads and seals it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument("--name", default="", help="default: the file's name")
        parser.add_argument("--sha256", default="", help="refuse the content if it is another")
        parser.add_argument("--owner", default="", help="username of the person it will belong to")
        parser.add_argument("--wait", action="store_true", help="until it is ready or has failed")

    def handle(self, *args: Any, **options: Any) -> None:
        owner = None
        if options["owner"]:
            owner = User.objects.filter(username=normal_username(options["owner"])).first()
            if owner is None:
                raise CommandError(f"nobody here is called {options['owner']}")
        try:
            image, job = import_file(
                actor=Actor.command("import_image"),
                path=options["path"].absolute(),
                name=options["name"],
                sha256=options["sha256"],
                owner=owner,
            )
        except Refusal as refusal:
            raise CommandError(f"{refusal}\n{refusal.next_step}") from refusal
        if options["wait"]:
            self._wait(job)
            image.refresh_from_db()
        self.stdout.write(f"{image.pk} {image.state}")

    def _wait(self, job: Job) -> None:
        while True:
            job.refresh_from_db()
            if job.state in Job.ENDED:
                break
            connections["default"].close()
            time.sleep(_LOOK_SECONDS)
        if job.state != Job.State.DONE:
            raise CommandError(f"{job.state}: {job.refusal.get('code', '')} {job.refusal.get('title', '')}")
