"""A desk over real HTTP on loopback, answering with the maker's signed documents. The true desk is tested in
the flows; this one exists to be wrong on purpose."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sealing.backupkey import BackupKey
from sealing.documents import value
from sealing.jose import digest
from tests.appliance.keys.maker import Maker

Answer = tuple[int, dict[str, Any]]


class TestDesk:
    """Values, drills, list and enrolments; `replace` swaps one answer for a wrong one."""

    __test__ = False

    def __init__(self, maker: Maker) -> None:
        self.maker = maker
        self.calls: list[str] = []
        self.lodged: dict[str, str] = {}
        self.drills: dict[str, str] = {}
        self.enrolments: dict[str, str] = {}
        self.received: list[tuple[str, dict[str, Any]]] = []
        self._replaced: dict[str, Callable[[dict[str, Any]], Answer]] = {}
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._respond({})

            def do_POST(self) -> None:
                self._respond(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def _respond(self, body: dict[str, Any]) -> None:
                status, answer = desk.answer(self.command, self.path, body)
                content = json.dumps(answer).encode()
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", str(answer["location"]))
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def replace(self, call: str, answer: Callable[[dict[str, Any]], Answer]) -> None:
        """Answer `call` ("POST values") with this from now on."""
        self._replaced[call] = answer

    def restore(self) -> None:
        self._replaced.clear()

    def answer(self, method: str, path: str, body: dict[str, Any]) -> Answer:
        parts = path.removeprefix("/api/v1/").split("/")
        call = f"{method} {parts[0] if parts[0] != 'transfers' else '/'.join(parts)}"
        self.calls.append(call)
        self.received.append((call, body))
        if call in self._replaced:
            return self._replaced[call](body)
        match call:
            case "GET authority":
                return 200, {"list": self.maker.authorities}
            case "GET enrolments":
                return 200, {"enrolment": self.enrolments[parts[1]]}
            case "POST values":
                return self._lodge(body["value"])
            case "POST drills":
                drill_id = str(uuid.uuid4())
                self.drills[drill_id] = body["request"]
                return 202, {"id": drill_id, "state": "waiting"}
            case "GET drills":
                proof = self.maker.prove(self.drills[parts[1]])
                return 200, {"state": "proven", "proof": proof}
            case "POST installations" | "POST recovery-reports" | "POST transfer-requests":
                return 202, {}
            case _:
                return 404, {"code": "desk.missing", "title": "Nothing here.", "next_step": "Look elsewhere."}

    def _lodge(self, text: str) -> Answer:
        value.read(text, self.maker.trust)
        receipt = self.lodged.setdefault(digest(text), self.maker.receive(text))
        return 201, {"id": digest(text)[:32], "receipt": receipt}

    def prove_wrongly(self, _body: dict[str, Any]) -> Answer:
        """Custody answers, but with another key than the unit's."""
        request = list(self.drills.values())[-1]
        return 200, {"state": "proven", "proof": self.maker.prove(request, key=BackupKey.generate(1))}
