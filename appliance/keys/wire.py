"""Messages between client and key process: a 4-byte big-endian length, then that many bytes of JSON.

A request is `{"verb": …, "params": {…}}`, an answer `{"ok": {…}}` or `{"refusal": {code, title, facts, …}}`.
Both sides bound the length before they read, so that neither can be made to hold more.
"""

from __future__ import annotations

import json
import socket
import struct
from typing import Any, Final

from .errors import MessageTooLarge, RequestRefused

MAX_MESSAGE_BYTES: Final = 16 << 20  # the header of an image of a very large store stays below
_LENGTH: Final = struct.Struct(">I")


class PeerClosed(Exception):
    """The other side hung up."""


def send(connection: socket.socket, message: dict[str, Any]) -> None:
    """Send one message; `MessageTooLarge` before anything was sent."""
    body = json.dumps(message, separators=(",", ":")).encode()
    if len(body) > MAX_MESSAGE_BYTES:
        raise MessageTooLarge(limit=MAX_MESSAGE_BYTES, size=len(body))
    connection.sendall(_LENGTH.pack(len(body)) + body)


def receive(connection: socket.socket) -> dict[str, Any]:
    """Receive one message; `PeerClosed` at a clean end, `RequestRefused` for anything but a JSON object."""
    (size,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size))
    if size > MAX_MESSAGE_BYTES:
        raise MessageTooLarge(limit=MAX_MESSAGE_BYTES, size=size)
    try:
        message = json.loads(_exactly(connection, size))
    except (ValueError, RecursionError) as error:
        raise RequestRefused(reason="not JSON") from error
    if not isinstance(message, dict):
        raise RequestRefused(reason="not an object")
    return message


def _exactly(connection: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        # in pieces: a peer that announces much and sends little never makes us hold much
        piece = connection.recv(min(size - len(parts), 1 << 16))
        if not piece:
            raise PeerClosed
        parts += piece
    return bytes(parts)
