"""The web process's outermost layers."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from config.asgi import Lifespan, LoopbackOnly

Message = MutableMapping[str, Any]


async def inner(scope: Message, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})


def status_of(scope: Message) -> int:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("no body is read")

    asyncio.run(LoopbackOnly(inner)(scope, receive, send))
    status: int = sent[0]["status"]
    return status


@pytest.mark.parametrize(
    ("client", "server"),
    [
        (("192.168.1.5", 40000), ("192.168.1.2", 8000)),
        (("127.0.0.1", 40000), ("192.168.1.2", 8000)),
        (("192.168.1.5", 40000), ("127.0.0.1", 8000)),
        (("fe80::1", 40000), ("::", 8000)),
        (("12.7.0.0", 40000), ("127.0.0.1", 8000)),
    ],
)
def test_under_the_switch_a_connection_from_or_to_elsewhere_is_refused(client: Any, server: Any) -> None:
    assert status_of({"type": "http", "client": client, "server": server}) == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.53", "::1"])
def test_under_the_switch_this_machine_is_answered(host: str) -> None:
    assert status_of({"type": "http", "client": (host, 40000), "server": (host, 8000)}) == 200


def test_start_and_shutdown_of_the_server_are_answered() -> None:
    sent: list[str] = []
    messages = iter(["lifespan.startup", "lifespan.shutdown"])

    async def send(message: Message) -> None:
        sent.append(message["type"])

    async def receive() -> Message:
        return {"type": next(messages)}

    asyncio.run(Lifespan(inner)({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
