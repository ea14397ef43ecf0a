"""What a room's `tasks.py` uses: `@handler` declares who works on a kind of job, `JobContext` is its hand.

Worker side only; nothing the web tier loads imports this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.context import JobCancelled, JobContext, LeaseLost

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Handler", "JobCancelled", "JobContext", "LeaseLost", "handler", "handler_of", "known_kinds"]

Work = Callable[[JobContext], "dict[str, Any] | None"]
Exclusive = str | Callable[[Mapping[str, Any]], str]


@dataclass(frozen=True)
class Handler:
    """`exclusive` names a group of which one job runs at a time (or computes it from the params)."""

    kind: str
    work: Work
    exclusive: Exclusive
    attempts: int

    def group(self, params: Mapping[str, Any]) -> str:
        return self.exclusive if isinstance(self.exclusive, str) else self.exclusive(params)


_handlers: dict[str, Handler] = {}


def handler(kind: str, exclusive: Exclusive = "", attempts: int = 3) -> Callable[[Work], Work]:
    """Register the decorated function as the one that works on jobs of `kind`.

    It gets a `JobContext` and returns the result (JSON values) or None. It must be safe to run again from
    the start: a process may die anywhere in it, and another then takes the job up. A `Refusal` ends the
    job as failed with its code; any other exception is tried again until `attempts` are used up.
    """

    def register(work: Work) -> Work:
        known = _handlers.get(kind)
        if known is not None and known.work is not work:
            raise ValueError(f"two handlers for {kind!r}")
        _handlers[kind] = Handler(kind, work, exclusive, attempts)
        return work

    return register


def handler_of(kind: str) -> Handler | None:
    return _handlers.get(kind)


def known_kinds() -> Iterable[str]:
    return sorted(_handlers)
