"""The socket: who may speak, how much, and what goes back.

One thread for each connection, a bounded number of them. The peer's user id is asked of the kernel
(SO_PEERCRED) before a byte is read. Whatever goes wrong in a verb, the answer is a refusal with a code; an
unexpected error is logged with its type and place, never with values, and answered without detail.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import struct
import threading
import time
from pathlib import Path
from typing import Any, Final

from appliance.keys import wire
from appliance.keys.errors import KeyRefusal, MessageTooLarge, PeerRefused, RequestRefused
from ground.refusals import Refusal
from sealing.errors import SealingError

from .holder import Holder
from .translate import refusal_for
from .verbs import perform

MAX_CONNECTIONS: Final = 64
IDLE_SECONDS: Final = 30.0  # for a peer that connects and does not speak
_PEER: Final = struct.Struct("3i")  # struct ucred: pid, uid, gid
log = logging.getLogger("strongroom.keys")


class Server:
    """Listens until `stop`. `allowed` are the user ids that may speak."""

    def __init__(
        self, holder: Holder, path: Path, *, allowed: frozenset[int], group: int | None = None
    ) -> None:
        self._holder: Final = holder
        self._path: Final = path
        self._allowed: Final = allowed
        self._group: Final = group
        self._free: Final = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._stopping: Final = threading.Event()
        self._socket: socket.socket | None = None

    def listen(self) -> None:
        """Bind the socket. The holder's lock makes sure that a socket found there is a dead one's."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            listening.bind(str(self._path))
        finally:
            os.umask(before)
        if self._group is not None:
            # other user ids connect through a group; the kernel's word on the peer still decides
            os.chown(self._path, -1, self._group)
            os.chmod(self._path, 0o660)
        listening.listen(MAX_CONNECTIONS)
        self._socket = listening

    def serve(self) -> None:
        """Accept until stopped."""
        assert self._socket is not None
        while not self._stopping.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                break
            self._free.acquire()
            threading.Thread(target=self._attend, args=(connection,), daemon=True).start()
        self._path.unlink(missing_ok=True)

    def stop(self) -> None:
        self._stopping.set()
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()

    def _attend(self, connection: socket.socket) -> None:
        try:
            with connection:
                connection.settimeout(IDLE_SECONDS)
                pid, uid, _ = _peer(connection)
                if uid not in self._allowed:
                    log.warning("refused peer uid=%d pid=%d", uid, pid)
                    self._answer(connection, _refused(PeerRefused(uid=uid)))
                    return
                with contextlib.suppress(wire.PeerClosed):
                    self._answer_request(connection, uid, pid)
        except OSError as error:
            log.info("connection ended: %s", type(error).__name__)
        finally:
            self._free.release()

    def _answer_request(self, connection: socket.socket, uid: int, pid: int) -> None:
        begun = time.monotonic()
        name: object = "?"
        try:
            request = wire.receive(connection)
            name = request.get("verb")
            if set(request) != {"verb", "params"}:
                raise RequestRefused(reason="a request has a verb and params")
            answer: dict[str, Any] = {"ok": perform(self._holder, name, request["params"])}
            outcome = "done"
        except Refusal as refusal:
            answer, outcome = _refused(refusal), refusal.code
        except SealingError as error:
            said = refusal_for(error)
            answer, outcome = _refused(said), f"{said.code} ({getattr(error, 'code', '')})"
        except Exception as error:  # answered as a refusal so that a caller never hangs
            log.exception("a verb failed unexpectedly")
            answer, outcome = _refused(KeyRefusal(error=type(error).__name__)), type(error).__name__
        shown = name if isinstance(name, str) and name.isidentifier() else "?"
        spent = (time.monotonic() - begun) * 1000
        log.info("verb=%s uid=%d pid=%d outcome=%s ms=%.1f", shown, uid, pid, outcome, spent)
        self._answer(connection, answer)

    def _answer(self, connection: socket.socket, answer: dict[str, Any]) -> None:
        try:
            wire.send(connection, answer)
        except MessageTooLarge as refusal:
            wire.send(connection, _refused(refusal))


def _refused(refusal: Refusal) -> dict[str, Any]:
    return {"refusal": refusal.as_dict()}


def _peer(connection: socket.socket) -> tuple[int, int, int]:
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    pid, uid, gid = _PEER.unpack(raw)
    return pid, uid, gid
