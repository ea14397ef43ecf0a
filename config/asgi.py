"""The web process: uploads (on a unit), body limit, then Django.

Outermost first: `LoopbackOnly` (only under the development switch), `TusUploads`, `BodyLimit`, Django.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Protocol

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("STRONGROOM_PROCESS", "web")

from django.core.asgi import get_asgi_application

from config.settings import environment as env
from ground.rest.body_limit import BodyLimit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_LOOPBACK_ADDRESSES = ("127.", "::1", "localhost")


class LoopbackOnly:
    """Under STRONGROOM_LOOPBACK=1: answer only connections from and to this machine itself."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._is_local(scope):
            body = b"This site runs with the development switch and answers on the loopback address only.\n"
            headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": body})
            return
        await self._app(scope, receive, send)

    @staticmethod
    def _is_local(scope: Scope) -> bool:
        ends = [scope.get("client"), scope.get("server")]
        return all(end is None or str(end[0]).startswith(_LOOPBACK_ADDRESSES) for end in ends)


class Background(Protocol):
    """Something that runs beside the answers of a web process."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Lifespan:
    """Answer the server's start-up and shutdown messages, which Django does not know; what runs beside the
    answers begins and ends with the server."""

    def __init__(self, app: App, beside: Sequence[Background] = ()) -> None:
        self._app = app
        self._beside = beside

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        while True:
            message = await receive()
            for one in self._beside:
                await asyncio.to_thread(one.start if message["type"] == "lifespan.startup" else one.stop)
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return


def build() -> App:
    """The application of this process's role."""
    app: App = get_asgi_application()  # type: ignore[assignment]  # Django types messages more narrowly
    app = BodyLimit(app)
    beside: list[Background] = []
    if env.role() == "appliance":
        from appliance.content.tus import TusUploads
        from appliance.schedules.watchdog import Watchdog

        app = TusUploads(app)  # bounds the bodies it takes itself
        beside.append(Watchdog())  # a worker that is not there cannot say so
    app = Lifespan(app, beside)
    return LoopbackOnly(app) if env.LOOPBACK else app


application = build()
