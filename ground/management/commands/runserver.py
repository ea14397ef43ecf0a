"""``manage.py runserver [port | address:port]``: the web process as it is deployed, for development.

Django's own server speaks WSGI: no uploads, no event stream. This one starts uvicorn. It runs under the
loopback switch and refuses every other address.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

_LOOPBACK = ("localhost", "127.0.0.1")


class Command(BaseCommand):
    help = "Start a development server on this machine's loopback address."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("addrport", nargs="?", default="8000", help="port, or localhost:port")

    def handle(self, *args: Any, **options: Any) -> None:
        address, _, port = options["addrport"].rpartition(":")
        address = address or "localhost"
        if settings.STRONGROOM_LOOPBACK and address not in _LOOPBACK:
            raise CommandError(
                f"the development switch is refused on {address}; use {' or '.join(_LOOPBACK)}"
            )
        if not port.isdecimal():
            raise CommandError(f"{port!r} is not a port number")
        if settings.ROOT_URLCONF == "config.urls.none":
            raise CommandError("this role answers no requests")
        import uvicorn

        self.stdout.write(f"http://{address}:{port}/")
        self.stdout.flush()
        uvicorn.run(
            "config.asgi:application",
            host="127.0.0.1" if address == "localhost" else address,
            port=int(port),
            timeout_graceful_shutdown=2,
            server_header=False,
            log_config=None,
        )
