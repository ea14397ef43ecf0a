"""Key processes born by fork from one that has imported their code: importing anew costs half a second each.

What is born is a key process like any other: a process of its own, in a directory of its own, that runs
`main` from its first line and can be killed. Only the interpreter's start is shared. The nursery opens
nothing, has no threads and no secrets; `tests/appliance/keys/test_process.py` starts one the plain way too.
"""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any, Final

PROJECT: Final = Path(__file__).resolve().parents[2]
_PR_SET_PDEATHSIG: Final = 1  # prctl(2)


class Born:
    """One child of the nursery, with as much of `subprocess.Popen` as tests use."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery = nursery
        self._fd = os.pidfd_open(pid)
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None and select.select([self._fd], [], [], 0)[0]:
            self._reap()
        return self.returncode

    def wait(self, timeout: float) -> int:
        deadline = time.monotonic() + timeout
        while self.returncode is None:
            if not select.select([self._fd], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise subprocess.TimeoutExpired("key process", timeout)
            self._reap()
        return self.returncode

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def _send(self, what: signal.Signals) -> None:
        if self.poll() is None:
            signal.pidfd_send_signal(self._fd, what)

    def _reap(self) -> None:
        self.returncode = self._nursery.reap(self.pid)
        os.close(self._fd)


class Nursery:
    """The process that forks them. Lines of JSON in, lines of JSON out."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.nursery"],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
        )
        atexit.register(self.close)

    def bear(self, arguments: list[str], *, log: Path, code: str, environment: Mapping[str, str]) -> Born:
        """A key process with these arguments; `code` runs in it first, its output goes to `log`."""
        wanted = {"arguments": arguments, "log": str(log), "code": code, "environment": dict(environment)}
        return Born(self, self._ask({"bear": wanted}))

    def reap(self, pid: int) -> int:
        return self._ask({"reap": pid})

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def _ask(self, what: Mapping[str, Any]) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()
            return int(json.loads(self._process.stdout.readline()))


_nurseries: dict[int, Nursery] = {}  # by process: a fork of the test run needs its own


def nursery() -> Nursery:
    """The one of this process."""
    if os.getpid() not in _nurseries:
        _nurseries[os.getpid()] = Nursery()
    return _nurseries[os.getpid()]


def _serve() -> None:
    from appliance.keys.process import __main__ as key_process
    from appliance.keys.process import load_verbs

    load_verbs()
    for line in sys.stdin:
        asked = json.loads(line)
        if "reap" in asked:
            _, status = os.waitpid(asked["reap"], 0)
            answer = os.waitstatus_to_exitcode(status)
        elif (answer := os.fork()) == 0:
            _live(key_process.main, asked["bear"])
        print(json.dumps(answer), flush=True)


def _live(main: Any, wanted: Mapping[str, Any]) -> None:
    """The rest of a child's life; never returns."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    log = os.open(wanted["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.closerange(3, 64)
    os.environ.clear()
    os.environ.update(wanted["environment"])
    status = 1
    try:
        exec(wanted["code"], {})
        status = main(wanted["arguments"])
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    _serve()
