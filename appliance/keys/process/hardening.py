"""What the operating system can do for a process that holds keys: no core dump, no tracing, no swap."""

from __future__ import annotations

import ctypes
import os
import resource
from typing import Final

_PR_SET_DUMPABLE: Final = 4  # prctl(2)
_MCL_CURRENT: Final = 1  # mlockall(2)
_MCL_FUTURE: Final = 2


def harden() -> list[str]:
    """Apply all of it; what could not be had is returned in words, for the log."""
    missing = []
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(0o077)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        # not dumpable: no core, and no process of the same user may attach to it or read its memory
        missing.append("the process stays dumpable")
    if not _may_lock_everything():
        missing.append("memory is not locked (RLIMIT_MEMLOCK); use encrypted swap or none")
    elif libc.mlockall(_MCL_CURRENT | _MCL_FUTURE) != 0:
        missing.append("memory could not be locked; use encrypted swap or none")
    return missing


def _may_lock_everything() -> bool:
    # Under a finite limit MCL_FUTURE would let a later allocation fail in the middle of a verb.
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    return os.geteuid() == 0 or soft == resource.RLIM_INFINITY
