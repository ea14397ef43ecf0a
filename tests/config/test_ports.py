"""Ports of a world: its own from the moment they are chosen, though nobody listens yet."""

from __future__ import annotations

import asyncio
import socket

import pytest

from config.supervisor.sites import hold_port

WORLDS = 200


def test_worlds_side_by_side_are_never_given_the_same_port() -> None:
    held = [hold_port() for _ in range(WORLDS)]
    try:
        assert len({each.getsockname() for each in held}) == WORLDS
    finally:
        for each in held:
            each.close()


def test_a_held_port_refuses_callers_until_its_process_listens() -> None:
    async def serve_once(port: int) -> bytes:
        async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"here")
            writer.close()

        async with await asyncio.start_server(greet, "127.0.0.1", port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            said = await reader.read()
            writer.close()
        return said

    with hold_port() as held:
        port = held.getsockname()[1]
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=1)
        assert asyncio.run(serve_once(port)) == b"here"
        with hold_port(port) as again:  # as the next start asks for it
            assert again.getsockname()[1] == port


def test_a_port_that_somebody_listens_on_is_not_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, hold_port(other.getsockname()[1]) as held:
        assert held.getsockname() != other.getsockname()
