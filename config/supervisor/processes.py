"""One child process: started in a group of its own, watched, restarted with back-off, ended as a group.

A child must not outlive its supervisor, whatever kills that, so the kernel is asked to send SIGTERM when the
thread that started the child is gone: start children from one thread that lives as long as they do.
"""

from __future__ import annotations

import ctypes
import enum
import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
GRACE = 6.0  # seconds from SIGTERM to SIGKILL
BACK_OFF = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # seconds before the n-th restart in a row
STEADY = 30.0  # seconds alive after which the count of restarts starts anew

_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent() -> None:
    """Between fork and exec: end with the supervisor. Only a system call, nothing that takes a lock."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


class Phase(enum.Enum):
    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    WAITING = "waiting"  # for the back-off to pass


@dataclass(frozen=True)
class Identity:
    """Under whom a process runs. ``groups`` come beside ``group``, the first is the site's common one."""

    user: int
    group: int
    groups: tuple[int, ...] = ()


def as_user(identity: Identity | None) -> dict[str, Any]:
    """Arguments for `subprocess`: nobody named means this very user, and files for nobody else.

    Processes with user ids of their own share some files by group; the umask decides, whatever mode is asked.
    """
    if identity is None:
        return {"umask": 0o077}
    return {
        "user": identity.user,
        "group": identity.group,
        "extra_groups": list(identity.groups),
        "umask": 0o007,
    }


@dataclass(frozen=True)
class Program:
    """What to run. ``ready`` answers whether the running process does its work; it must not block."""

    name: str
    command: Sequence[str]
    directory: Path
    log: Path
    ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    secret_fds: Mapping[str, Path] = field(default_factory=dict)  # variable → file handed over as a memfd
    before: Callable[[], None] = lambda: None
    identity: Identity | None = None
    once_ready: Sequence[str] = ()  # names of siblings that must be ready first
    ends_last: bool = False  # others say good-bye to it


class Child:
    """A program and the process that runs it now."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.phase = Phase.STOPPED
        self.restarts = 0
        self.started_at = 0.0
        self.ready_at = 0.0
        self._retry_at = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def exit_code(self) -> int | None:
        return self._process.returncode if self._process else None

    def start(self) -> None:
        program = self.program
        program.before()
        program.log.parent.mkdir(parents=True, exist_ok=True)
        handed = {name: sealed_memfd(path.read_bytes()) for name, path in program.secret_fds.items()}
        environment = {**program.environment, **{name: str(fd) for name, fd in handed.items()}}
        try:
            with open(program.log, "ab", opener=private) as log:
                self._process = subprocess.Popen(  # noqa: S603  (commands of this package)
                    list(program.command),
                    cwd=program.directory,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=list(handed.values()),
                    start_new_session=True,
                    **as_user(program.identity),
                    preexec_fn=_die_with_parent,
                )
        finally:
            for fd in handed.values():
                os.close(fd)
        self.started_at = time.monotonic()
        self.phase = Phase.STARTING

    def poll(self) -> None:
        """Move the phase along: to ready, to waiting after a death, back to starting."""
        now = time.monotonic()
        if self.phase is Phase.WAITING:
            if now >= self._retry_at:
                self.start()
            return
        if self._process is None:
            return
        if self._process.poll() is not None:
            # What the dead leader left behind would hold its sockets and its leases.
            self._signal(signal.SIGKILL)
            if now - self.started_at > STEADY:
                self.restarts = 0
            self._retry_at = now + BACK_OFF[min(self.restarts, len(BACK_OFF) - 1)]
            self.restarts += 1
            self.phase = Phase.WAITING
            return
        if self.phase is Phase.STARTING and self.program.ready():
            self.phase = Phase.READY
            self.ready_at = now

    def terminate(self) -> None:
        """Ask the group to end; `reap` waits for it."""
        self.phase = Phase.STOPPED
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the whole group at once, as a power cut would; it is started again after the shortest back-off.

        Who is killed on purpose has not failed to start: that counts towards no longer pause.
        """
        if self._process is not None:
            self.restarts = 0
            self._signal(signal.SIGKILL)
            self._process.wait()
            self.poll()

    def reap(self, deadline: float) -> None:
        """Wait until ``deadline`` (monotonic), then kill the group."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._process = None

    def _signal(self, number: int) -> None:
        if self._process is None:
            return
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            pass


def private(path: str, flags: int) -> int:
    """An opener for files that are nobody else's."""
    return os.open(path, flags, 0o600)


def sealed_memfd(content: bytes) -> int:
    """An anonymous file with ``content`` that nobody can change any more."""
    fd = os.memfd_create("secret", os.MFD_ALLOW_SEALING)
    os.write(fd, content)
    seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
