"""The socket by which a person unlocks custody: one line, the passphrase, from the same user id."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
from pathlib import Path

from manufacturer.custody.errors import CustodyLocked
from manufacturer.custody.keyholder import unlock
from sealing.passphrase import Passphrase

MAX_LINE = 1024  # bytes


class UnlockSocket(threading.Thread):
    """Listens on a 0600 Unix socket; answers ``ok`` or ``no`` and closes."""

    def __init__(self, path: Path) -> None:
        super().__init__(name="custody-unlock", daemon=True)
        path.unlink(missing_ok=True)
        self._path = path
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            self._server.bind(str(path))
        finally:
            os.umask(before)
        self._server.listen(1)
        self._stopping = False

    def run(self) -> None:
        while not self._stopping:
            try:
                peer, _ = self._server.accept()
            except OSError:
                return
            with peer, contextlib.suppress(OSError):
                peer.settimeout(10)
                self._serve(peer)

    def _serve(self, peer: socket.socket) -> None:
        raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        _, uid, _ = struct.unpack("3i", raw)
        if uid not in (0, os.geteuid()):
            return
        line = b""
        while not line.endswith(b"\n") and len(line) < MAX_LINE:
            piece = peer.recv(MAX_LINE)
            if not piece:
                break
            line += piece
        try:
            unlock(Passphrase.of(line.decode("utf-8", "replace")))
            peer.sendall(b"ok\n")
        except CustodyLocked:
            peer.sendall(b"no\n")

    def stop(self) -> None:
        self._stopping = True
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.join(timeout=5)
        self._path.unlink(missing_ok=True)


def send_passphrase(path: Path, passphrase: str) -> bool:
    """True if custody took it. `OSError` when no custody is running there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.settimeout(60)
        peer.connect(str(path))
        peer.sendall(passphrase.encode() + b"\n")
        return peer.recv(16).strip() == b"ok"
