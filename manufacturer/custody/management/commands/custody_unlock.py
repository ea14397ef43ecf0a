"""Unlock a running custody with the passphrase a person types."""

from __future__ import annotations

import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.site import site
from manufacturer.custody.unlock import send_passphrase


class Command(BaseCommand):
    help = __doc__
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            taken = send_passphrase(site().run / "unlock.sock", getpass.getpass("Passphrase of custody: "))
        except OSError as error:
            raise CommandError("no custody is running on this site") from error
        if not taken:
            raise CommandError("custody stays locked: the passphrase does not open its keys")
        self.stdout.write("unlocked")
