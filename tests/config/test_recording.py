"""The demo's recordings hold what crossed the wires, in both directions."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from config.demo.recording import LARGEST_BODY, Relay, hooks_into


class Echo(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[::-1])

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def port() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join(5)


def recorded(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_the_relay_keeps_both_directions(port: int, tmp_path: Path) -> None:
    relay = Relay(tmp_path, port)
    answer = httpx.post(
        f"http://127.0.0.1:{relay.port}/path", content=b"said", headers={"Connection": "close"}
    )
    relay.stop()
    assert answer.content == b"dias"
    assert b"POST /path" in recorded(tmp_path)
    assert b"said" in recorded(tmp_path)
    assert b"dias" in recorded(tmp_path)


def test_the_hooks_keep_bodies_headers_and_answers(port: int, tmp_path: Path) -> None:
    with httpx.Client(event_hooks=hooks_into(tmp_path / "client.http")) as client:
        client.post(f"http://127.0.0.1:{port}/", content=b"said", headers={"X-Token": "shown"})
    kept = recorded(tmp_path)
    assert b"said" in kept
    assert b"X-Token: shown" in kept
    assert b"dias" in kept


def test_of_a_large_request_only_the_length_is_kept(port: int, tmp_path: Path) -> None:
    with httpx.Client(event_hooks=hooks_into(tmp_path / "client.http")) as client:
        client.post(f"http://127.0.0.1:{port}/", content=b"abc" * LARGEST_BODY)
    assert b"(a piece of %d bytes)" % (3 * LARGEST_BODY) in recorded(tmp_path)
