"""`FaultFs`: the durable-write seam with one fault at the Nth operation.

Raise N until a run passes untouched (`points` does): then every gap between two operations was tried.
"""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, TypeVar

from ground.files import Fs
from ground.files.fs import Operation

T = TypeVar("T")
Fault = Literal["EIO", "ENOSPC", "timeout", "tear", "kill", "tear-kill"]
RAISING: tuple[Fault, ...] = ("EIO", "ENOSPC", "timeout", "tear")


class FaultFs(Fs):
    """Behaves like `Fs` until operation `at` (counted from 1), which fails in the manner of `fault`.

    EIO, ENOSPC, timeout  the operation raises and does nothing
    tear                  a write writes half of its bytes, then raises EIO; other operations raise EIO
    kill                  the process dies by SIGKILL just before the operation
    tear-kill             a write writes half of its bytes, then the process dies
    `sticky` keeps failing from then on, as a dead disk does.
    """

    def __init__(self, fault: Fault = "EIO", at: int = 0, *, sticky: bool = False) -> None:
        self.fault = fault
        self.at = at
        self.sticky = sticky
        self.count = 0
        self.journal: list[tuple[Operation, Path]] = []

    @property
    def struck(self) -> bool:
        """Whether the fault has come."""
        return 0 < self.at <= self.count

    def _step(
        self,
        operation: Operation,
        path: Path,
        action: Callable[[], T],
        *,
        data: bytes | memoryview = b"",
        descriptor: int = -1,
    ) -> T:
        self.count += 1
        self.journal.append((operation, path))
        if self.count == self.at or (self.sticky and self.struck):
            self._strike(path, data, descriptor)
        return action()

    def _strike(self, path: Path, data: bytes | memoryview, descriptor: int) -> None:
        if self.fault.startswith("tear") and descriptor >= 0:
            os.write(descriptor, bytes(data[: len(data) // 2]))
        if self.fault.endswith("kill"):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fault == "ENOSPC":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        if self.fault == "timeout":
            raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT), str(path))
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))


def points(
    run: Callable[[FaultFs], None], fault: Fault = "EIO", *, sticky: bool = False
) -> Iterator[FaultFs]:
    """Run with the fault at operation 1, 2, … until a run passes untouched; yields each spent `FaultFs`.

    `run` gets the seam, puts it in place itself (`ground.files.use`) and swallows what the fault raises.
    """
    at = 1
    while True:
        fs = FaultFs(fault, at, sticky=sticky)
        run(fs)
        yield fs
        if not fs.struck:
            return
        at += 1
