"""Driving an ASGI application without a server: one request, its body in pieces, the whole answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

BROKEN_OFF: Any = object()  # in a body: the client goes away here


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    taken: int = field(default=0)  # pieces of the body that were asked for

    @property
    def code(self) -> str:
        """The code of a problem."""
        return str(json.loads(self.body)["code"])


def call(
    app: Any, method: str, path: str, headers: Mapping[str, str] | None = None, body: Iterable[Any] = (b"",)
) -> Answer:
    """Send one request and return the answer; status 0 if the application gave none."""
    return asyncio.run(_call(app, method, path, headers or {}, list(body)))


async def _call(app: Any, method: str, path: str, headers: Mapping[str, str], body: list[Any]) -> Answer:
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
        "headers": [
            (name.lower().encode(), value.encode("latin-1"))
            for name, value in {"host": "localhost", **headers}.items()
        ],
    }
    taken = 0
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += 1
        piece = body[taken - 1] if taken <= len(body) else BROKEN_OFF
        if piece is BROKEN_OFF:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": taken < len(body)}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    none: dict[str, Any] = {"status": 0, "headers": []}
    start = next((m for m in sent if m["type"] == "http.response.start"), none)
    content = b"".join(m.get("body", b"") for m in sent if m["type"] == "http.response.body")
    found = {name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]}
    return Answer(start["status"], found, content, taken)
