"""Refuse large bodies before Django sees them.

Django's ASGI handler spools every request body to a plain temporary file before any view, even for an
unknown address without sign-in. So a body is taken here first, into memory and up to a limit, and then handed
on whole. More than the limit is answered with a problem and leaves nothing on disk. Content goes by the
upload protocol, which stands ahead of this and bounds its own bodies.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from ground.refusals import TooLarge
from ground.rest.media import PROBLEM_JSON

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LIMIT_BYTES: Final = 1 << 20


class BodyLimit:
    """ASGI middleware; `limit` in bytes."""

    def __init__(self, app: App, limit: int = LIMIT_BYTES) -> None:
        self._app: Final = app
        self._limit: Final = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = content_length(scope)
        if declared is not None and declared > self._limit:
            await _refuse(scope, send, self._limit)
            return
        body = await self._take(receive)
        if body is None:
            await _refuse(scope, send, self._limit)
            return
        await self._app(scope, _Replay(body, receive), send)

    async def _take(self, receive: Receive) -> list[Message] | None:
        """The messages of the whole body, or None if it is over the limit."""
        messages: list[Message] = []
        total = 0
        while True:
            message = await receive()
            messages.append(message)
            total += len(message.get("body", b""))
            if total > self._limit:
                return None
            if message["type"] != "http.request" or not message.get("more_body", False):
                return messages


class _Replay:
    """Gives what was taken, then whatever comes after (a disconnect)."""

    def __init__(self, messages: list[Message], receive: Receive) -> None:
        self._messages = messages[::-1]
        self._receive = receive

    async def __call__(self) -> Message:
        if self._messages:
            return self._messages.pop()
        return await self._receive()


def content_length(scope: Scope) -> int | None:
    """The declared length, None if there is none or it is no number."""
    for name, value in scope.get("headers", ()):
        if name == b"content-length" and value.isdigit():
            return int(value)
    return None


async def _refuse(scope: Scope, send: Send, limit: int) -> None:
    # `ground.rest.problems` makes the same body, but needs the REST framework; this stands ahead of it.
    refusal = TooLarge(limit=limit)
    body = json.dumps(
        {
            "type": f"urn:strongroom:problem:{refusal.code}",
            "title": refusal.title,
            "status": 413,
            "detail": str(refusal),
            "instance": scope.get("path", ""),
            "code": refusal.code,
            "facts": refusal.facts,
            "next_step": refusal.next_step,
            "event": "",
        }
    ).encode()
    headers = [
        (b"content-type", PROBLEM_JSON.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),  # the rest of the body is not read
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
