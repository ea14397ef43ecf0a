"""HTTP traffic kept in files, so that the scan for keys covers what crossed the wires.

`Relay` stands in front of the desk and keeps every byte in both directions: what units and custody say to it.
`hooks_into` keeps what the demo itself says to the sites; of a piece of an upload only the length, since
that is the caller's own disk image.
"""

from __future__ import annotations

import itertools
import selectors
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

LARGEST_BODY = 1 << 20  # a larger request body is a piece of a disk image on its way in
CHUNK = 1 << 16


class Relay:
    """A TCP relay on a free port of 127.0.0.1 in front of another port, writing all it passes to files."""

    def __init__(self, folder: Path, to_port: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._to_port = to_port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._number = itertools.count(1)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._accept, name="relay", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._listener.close()
        self._thread.join(2)

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near, next(self._number)), daemon=True).start()

    def _serve(self, near: socket.socket, number: int) -> None:
        try:
            far = socket.create_connection(("127.0.0.1", self._to_port), timeout=10)
        except OSError:
            near.close()
            return
        record_path = self._folder / f"relay-{number:05}.http"
        with near, far, record_path.open("wb") as record, selectors.DefaultSelector() as waiting:
            waiting.register(near, selectors.EVENT_READ, far)
            waiting.register(far, selectors.EVENT_READ, near)
            while not self._stopped.is_set():
                for key, _ in waiting.select(timeout=0.5):
                    source, target = key.fileobj, key.data
                    try:
                        data = source.recv(CHUNK)  # type: ignore[union-attr]
                        if not data:
                            return
                        record.write(data)
                        target.sendall(data)
                    except OSError:
                        return


def hooks_into(path: Path) -> dict[str, list[Callable[..., Any]]]:
    """Event hooks for an httpx client that append requests and answers to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = threading.Lock()

    def keep(*parts: bytes) -> None:
        with lock, path.open("ab") as out:
            out.write(b"\r\n".join(parts) + b"\r\n\r\n")

    def head_of(message: httpx.Request | httpx.Response) -> bytes:
        return b"\r\n".join(name + b": " + value for name, value in message.headers.raw)

    def on_request(request: httpx.Request) -> None:
        length = int(request.headers.get("Content-Length", "0"))
        body = request.read() if length <= LARGEST_BODY else b"(a piece of %d bytes)" % length
        keep(f"{request.method} {request.url}".encode(), head_of(request), b"", body)

    def on_response(answer: httpx.Response) -> None:
        keep(f"HTTP {answer.status_code}".encode(), head_of(answer), b"", answer.read())

    return {"request": [on_request], "response": [on_response]}
