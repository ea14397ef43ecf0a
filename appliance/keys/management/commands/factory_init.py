"""Make this site a unit: `--request OUT` at the start, `--bundle IN` when the device authority has answered.

    manage.py factory_init --site DIR --serial 78-A0001 --model "SR-200" --request request.json
    (the device authority signs: manage.py sign_device request.json … > bundle.json)
    manage.py factory_init --site DIR --bundle bundle.json [--enrolment enrolment.jws]

Speaks to the site's key process; if none runs, one is run for the moment of the command. With `--enrolment`
the unit goes straight into service; without, it stays blank and waits for an installation or a transfer.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from appliance.keys.client import KeyProcess
from appliance.keys.engine.sync import sync
from appliance.keys.errors import ProcessUnreachable
from appliance.unit.actions.move_unit import move_unit
from appliance.unit.models import Unit
from audit.actor import Actor
from config.site import BASE_DIR, site
from ground.refusals import Refusal

START_SECONDS = 20.0


class Command(BaseCommand):
    help = "Give this site a unit's identity, in two steps, and put it into service if enrolled."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--site", type=Path, help="the site's directory; must be STRONGROOM_SITE_DIR's")
        parser.add_argument("--serial", help="serial number (with --request)")
        parser.add_argument("--model", default="", help="model name (with --request)")
        parser.add_argument("--request", type=Path, help="write the request for the device authority here")
        parser.add_argument("--bundle", type=Path, help="the device authority's answer")
        parser.add_argument("--enrolment", type=Path, help="the front desk's enrolment: first installation")

    def handle(self, **options: Any) -> None:
        named = options["site"]
        if named is not None and named.absolute() != site().root.absolute():
            raise CommandError(f"--site is {named}, STRONGROOM_SITE_DIR is {site().root}: set both alike")
        if (options["request"] is None) == (options["bundle"] is None):
            raise CommandError("give either --request (first) or --bundle (second)")
        try:
            with _key_process() as keys:
                if options["request"] is not None:
                    self._begin(keys, options)
                else:
                    self._finish(keys, options)
        except Refusal as refusal:
            raise CommandError(f"{refusal}\n{refusal.next_step}") from refusal

    def _begin(self, keys: KeyProcess, options: dict[str, Any]) -> None:
        if not options["serial"]:
            raise CommandError("--request needs --serial")
        request = keys.factory_begin(serial=options["serial"], model=options["model"])
        options["request"].write_text(json.dumps(request, indent=2) + "\n", encoding="utf-8")
        self.stdout.write(f"Request of {request['serial']} written; bring it to the device authority.")

    def _finish(self, keys: KeyProcess, options: dict[str, Any]) -> None:
        try:
            bundle = json.loads(options["bundle"].read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CommandError(f"{options['bundle']} is not readable JSON") from error
        if not isinstance(bundle, dict):
            raise CommandError(f"{options['bundle']} is not a bundle")
        actor = Actor.command("factory_init")
        status = keys.factory_finish(bundle)
        if options["enrolment"] is not None:
            keys.enrol("".join(options["enrolment"].read_text(encoding="ascii").split()))
        status = sync(actor=actor, keys=keys)
        if status.customer is not None:
            move_unit(actor=actor, to=Unit.State.IN_SERVICE, why="first installation")
        row = Unit.objects.get(only=True)
        self.stdout.write(f"{row.serial} is {row.state}; vault: {row.vault_class}.")


@contextmanager
def _key_process() -> Iterator[KeyProcess]:
    """The running key process, or one that lives as long as the block."""
    keys = KeyProcess(site().keys_socket, patience=0)
    try:
        keys.status()
    except ProcessUnreachable:
        pass
    else:
        yield keys
        return
    command = [sys.executable, "-m", "appliance.keys.process", "--site", str(site().root)]
    process = subprocess.Popen(command, cwd=BASE_DIR)  # noqa: S603  # our own interpreter and module
    try:
        _wait(keys, process)
        yield keys
    finally:
        process.terminate()
        process.wait(timeout=START_SECONDS)


def _wait(keys: KeyProcess, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            keys.status()
        except ProcessUnreachable:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
