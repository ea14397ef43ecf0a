"""The writers' gate: a switch to another database happens while nobody has the old one open.

Every database connection holds the gate shared while it is open, and connections live for one request
or one unit of work. The switch takes it exclusively: it waits until all have let go, while newcomers
wait in front of a turnstile (without which a stream of newcomers could keep the switch out for ever).
Newcomers only look whether the turnstile is shut and never hold it: else they would keep the switch out
there.

SQLite: locks on two files in the site's ``db/`` directory, so all processes of one machine take part; the
system lets go of the locks of the dead. PostgreSQL: two advisory locks of the server, so all hosts do
(`ground.db.postgres`).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from config.site import make_private_directory, site
from ground.refusals import Refusal

SHARED_TIMEOUT = 60.0  # seconds a newcomer waits for a switch to finish
EXCLUSIVE_TIMEOUT = 30.0  # seconds a switch waits for open connections


class GateBusy(Refusal):
    """Connections stayed open for the whole time a switch was ready to wait (or the other way round)."""

    code = "ground.gate-busy"
    kind = "unavailable"
    title = "The database is being used or switched and did not become free in time."
    next_step = "Try again; if it stays so, restart the site's processes."


class SharedHold:
    """One connection's hold on the gate; `release` may be called any number of times."""

    def __init__(self, directory: Path | None = None, *, timeout: float = SHARED_TIMEOUT) -> None:
        self._descriptor: int | None = None
        directory = directory or site().db
        turnstile = _open(directory / "gate.turn")
        try:
            _until(lambda: _is_open(turnstile), timeout)
        finally:
            os.close(turnstile)
        self._descriptor = descriptor = _open(directory / "gate.lock")
        try:
            _until(lambda: _flock(descriptor, fcntl.LOCK_SH), timeout)
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __del__(self) -> None:
        # A thread that ended without closing its connection must not keep the gate shut for ever.
        self.release()


@contextlib.contextmanager
def exclusive(directory: Path | None = None, *, timeout: float = EXCLUSIVE_TIMEOUT) -> Iterator[None]:
    """Hold the gate alone. The caller has closed its own connections, or it waits for itself: `GateBusy`."""
    directory = directory or site().db
    with _opened(directory / "gate.turn") as turnstile, _opened(directory / "gate.lock") as gate:
        _until(lambda: _shut(turnstile), timeout)
        _until(lambda: _flock(gate, fcntl.LOCK_EX), timeout)
        yield


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = _open(path)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    # Group rights as far as the umask lets them: where web and engine run under user ids of their own, their
    # common group shares database and gate, and the supervisor's umask says so.
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    except FileNotFoundError:
        make_private_directory(path.parent)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)


def _flock(descriptor: int, kind: int) -> bool:
    return _granted(lambda: fcntl.flock(descriptor, kind | fcntl.LOCK_NB))


# The turnstile is an "open file description" lock (fcntl(2)): another kind than ``flock``, because only of
# these one can ask whether somebody holds it without taking it.
_STRUCT_FLOCK = "@hhlli4x"  # type, whence, start, length, pid


def _shut(turnstile: int) -> bool:
    whole = struct.pack(_STRUCT_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    return _granted(lambda: fcntl.fcntl(turnstile, fcntl.F_OFD_SETLK, whole))


def _is_open(turnstile: int) -> bool:
    asked = struct.pack(_STRUCT_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    held = struct.unpack(_STRUCT_FLOCK, fcntl.fcntl(turnstile, fcntl.F_OFD_GETLK, asked))
    return bool(held[0] == fcntl.F_UNLCK)


def _granted(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES, errno.EINTR):
            return False
        raise
    return True


def _until(true: Callable[[], bool], timeout: float) -> None:
    deadline = time.monotonic() + timeout
    pause = 0.001
    while not true():
        if time.monotonic() >= deadline:
            raise GateBusy(waited_seconds=timeout)
        time.sleep(pause)
        pause = min(pause * 2, 0.05)
