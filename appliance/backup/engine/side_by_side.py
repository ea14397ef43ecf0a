"""The same work for many things, a few at a time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Final, TypeVar

T = TypeVar("T")
R = TypeVar("R")
WORKERS: Final = 2
_AHEAD: Final = 8  # tasks handed out beyond those that run, so that no worker waits for this thread
_POLL_SECONDS: Final = 1.0


def side_by_side(
    work: Callable[[T], R], things: Iterable[T], check: Callable[[], object], *, workers: int = WORKERS
) -> Iterator[tuple[T, R]]:
    """(thing, what `work` gave for it), as they end. The first failure is raised after what already runs has
    ended; nothing more is begun then. `check` may raise, to cancel."""
    waiting = iter(things)
    with ThreadPoolExecutor(workers, thread_name_prefix="side") as pool:
        running: dict[Future[R], T] = {}
        try:
            while True:
                for thing in itertools.islice(waiting, workers + _AHEAD - len(running)):
                    running[pool.submit(work, thing)] = thing
                if not running:
                    return
                finished, _ = wait(running, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
                check()
                for future in finished:
                    yield running.pop(future), future.result()
        finally:
            for future in running:
                future.cancel()
