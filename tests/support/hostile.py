"""A proxy in front of an S3 server that answers some requests itself, or spoils the true answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import httpx

HOP = {"connection", "transfer-encoding", "content-length", "content-encoding", "date", "server"}


@dataclass
class Request:
    method: str
    path: str  # with query
    headers: dict[str, str]
    body: bytes

    @property
    def is_listing(self) -> bool:
        return self.method == "GET" and "list-type=2" in self.path


@dataclass
class Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = 0  # bytes at the end that are announced and never sent


def error(status: int, code: str) -> Answer:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    return Answer(status, body, {"Content-Type": "application/xml"})


Rule = Callable[[Request, Answer], Answer | None]  # None: the answer as it is


def _true_answer(_request: Request) -> Answer | None:
    return None


def _unspoilt(_request: Request, _answer: Answer) -> Answer | None:
    return None


class Hostile:
    """`rules` are asked with each request and its true answer (made only if `before` gave none)."""

    def __init__(self, behind: str) -> None:
        self.behind = behind
        self.before: Callable[[Request], Answer | None] = _true_answer
        self.after: Rule = _unspoilt
        self.requests: list[str] = []
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def do(self) -> None:
                proxy._serve(self)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._client = httpx.Client(trust_env=False)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._client.close()

    def fail(self, answer: Answer, *, times: int = 1 << 30, when: Callable[[Request], bool]) -> None:
        """Answer the next `times` requests that match with `answer`."""
        left = [times]

        def before(request: Request) -> Answer | None:
            with self._lock:
                if left[0] == 0 or not when(request):
                    return None
                left[0] -= 1
                return answer

        self.before = before

    def heal(self) -> None:
        self.before = _true_answer
        self.after = _unspoilt

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        request = Request(handler.command, path, dict(handler.headers), body)
        self.requests.append(f"{request.method} {path}")
        answer = self.before(request) or self._forward(request)
        answer = self.after(request, answer) or answer
        handler.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in HOP:
                handler.send_header(name, value)
        length = answer.headers.get("content-length") if request.method == "HEAD" else None
        handler.send_header("Content-Length", length or str(len(answer.body)))
        handler.end_headers()
        if request.method != "HEAD":
            handler.wfile.write(answer.body[: len(answer.body) - answer.cut])
        if answer.cut:
            handler.close_connection = True

    def _forward(self, request: Request) -> Answer:
        headers = {name: value for name, value in request.headers.items() if name.lower() != "connection"}
        true = self._client.request(
            request.method, self.behind + request.path, headers=headers, content=request.body
        )
        return Answer(true.status_code, true.content, dict(true.headers))


@contextmanager
def hostile(behind: str) -> Iterator[Hostile]:
    made = Hostile(behind)
    try:
        yield made
    finally:
        made.close()
