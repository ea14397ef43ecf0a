"""Exit codes, permanent: scripts rely on them. docs/cli.md shows the same table."""

from __future__ import annotations

import enum


class Exit(enum.IntEnum):
    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    SIGN_IN = 3  # not signed in, or not allowed
    MISSING = 4
    CONFLICT = 5  # the state does not allow it, or somebody was faster
    INVALID = 6  # the server refused what was sent
    LIMITED = 7  # too large, or too often
    UNAVAILABLE = 8  # the site cannot be reached or cannot serve this now
    JOB_FAILED = 9  # the job started and failed, or was cancelled
    DOCUMENT = 10  # a document read here is not what it claims to be
    INTERRUPTED = 130


BY_STATUS = {
    400: Exit.INVALID,
    401: Exit.SIGN_IN,
    403: Exit.SIGN_IN,
    404: Exit.MISSING,
    405: Exit.INVALID,
    409: Exit.CONFLICT,
    412: Exit.CONFLICT,
    413: Exit.LIMITED,
    415: Exit.INVALID,
    422: Exit.INVALID,
    429: Exit.LIMITED,
    502: Exit.UNAVAILABLE,
    503: Exit.UNAVAILABLE,
    504: Exit.UNAVAILABLE,
}


class CommandError(Exception):
    """A command cannot be done; carries what to say and the exit code."""

    def __init__(
        self, title: str, exit_code: Exit, *, code: str = "", next_step: str = "", facts: object = None
    ) -> None:
        super().__init__(" ".join(str(part) for part in (title, code and f"[{code}]", facts) if part))
        self.title = title
        self.exit_code = exit_code
        self.code = code
        self.next_step = next_step
        self.facts = facts

    def as_dict(self) -> dict[str, object]:
        told = {"title": self.title, "code": self.code, "facts": self.facts, "next_step": self.next_step}
        return {"error": {name: value for name, value in told.items() if value}, "exit": int(self.exit_code)}
