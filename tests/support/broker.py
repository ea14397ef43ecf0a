"""A broker of a test's own: the embedded server on a Unix socket in the run's site."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from config.supervisor import brokers


class Broker:
    """Start, stop, kill, and lose everything."""

    def __init__(self, socket_path: Path, directory: Path) -> None:
        self.socket_path = socket_path
        self.directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.socket_path.parent.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            brokers.command(self.socket_path, self.directory),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_until(lambda: brokers.answers(self.socket_path), "the broker answers")

    def kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def lose_everything(self) -> None:
        """A broker that comes back empty, as after the loss of its disk."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
        self.start()


def wait_until(condition: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    """Look until `condition()` is true; fail with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


@contextlib.contextmanager
def running_broker(socket_path: Path, directory: Path) -> Iterator[Broker]:
    broker = Broker(socket_path, directory)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()
