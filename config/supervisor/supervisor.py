"""The loop that keeps a set of sites alive.

One thread starts every process and sees it die; others ask through the methods of `Supervisor`, which only
leave wishes for that thread (see `processes` for why only one thread may start children).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping

from config.supervisor.processes import GRACE, Child, Phase, Program

TICK = 0.05  # seconds between looks


class NotReadyError(Exception):
    """A process did not become ready in time; the text names it and the end of its log."""


class Supervisor:
    """Runs programs by name. Start with `add`; `stop` ends all of them and the thread."""

    def __init__(self, say: Callable[[str], None] = lambda _: None) -> None:
        self._children: dict[str, Child] = {}
        self._queue: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._say = say
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._thread.start()

    # ---- asked from any thread ----

    def add(self, programs: Iterable[Program]) -> None:
        """Start these programs and keep them alive from now on."""
        for program in programs:
            self._do(lambda program=program: self._adopt(program))  # type: ignore[misc]

    def remove(self, names: Iterable[str]) -> None:
        """End these programs for good."""
        wanted = list(names)
        done = threading.Event()

        def end() -> None:
            ending = [self._children.pop(name) for name in wanted if name in self._children]
            self._end(ending)
            done.set()

        self._do(end)
        done.wait(2 * GRACE)

    def kill(self, name: str) -> int | None:
        """Kill a program's whole group with SIGKILL; it is started again. Returns the pid that was killed.

        When this returns the program counts as not ready, so that one can wait for its return.
        """
        child = self._children[name]
        pid = child.pid
        done = threading.Event()

        def end() -> None:
            child.kill()
            done.set()

        self._do(end)
        done.wait(GRACE)
        return pid

    def pid(self, name: str) -> int | None:
        return self._children[name].pid

    def restarts(self, name: str) -> int:
        return self._children[name].restarts

    def phases(self) -> Mapping[str, Phase]:
        return {name: child.phase for name, child in list(self._children.items())}

    def wait_ready(self, names: Iterable[str], timeout: float) -> None:
        """Return when all of them are ready. Raises `NotReadyError`."""
        deadline = time.monotonic() + timeout
        for name in names:
            while True:
                child = self._children.get(name)
                if child is not None and child.phase is Phase.READY:
                    break
                if time.monotonic() > deadline:
                    raise NotReadyError(self._explain(name, child))
                time.sleep(TICK / 2)

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(3 * GRACE)

    # ---- the thread ----

    def _do(self, wish: Callable[[], None]) -> None:
        with self._lock:
            self._queue.append(wish)

    def _run(self) -> None:
        while not self._stopping.is_set():
            with self._lock:
                wishes, self._queue = self._queue, []
            for wish in wishes:
                wish()
            for child in list(self._children.values()):
                self._look_at(child)
            self._stopping.wait(TICK)
        self._end(list(self._children.values()))

    def _adopt(self, program: Program) -> None:
        self._children[program.name] = Child(program)

    def _look_at(self, child: Child) -> None:
        before = child.phase
        if before is Phase.STOPPED:
            if all(self._is_ready(name) for name in child.program.once_ready):
                child.start()
            return
        child.poll()
        if child.phase is Phase.WAITING and before is not Phase.WAITING:
            self._say(
                f"{child.program.name} ended with {child.exit_code}, is started again: {child.program.log}"
            )

    def _is_ready(self, name: str) -> bool:
        sibling = self._children.get(name)
        return sibling is None or sibling.phase is Phase.READY

    def _end(self, children: list[Child]) -> None:
        deadline = time.monotonic() + GRACE
        for last in (False, True):
            ending = [child for child in children if child.program.ends_last is last]
            for child in ending:
                child.terminate()
            for child in ending:
                child.reap(deadline)

    def _explain(self, name: str, child: Child | None) -> str:
        if child is None:
            return f"{name} was never started"
        tail = ""
        if child.program.log.is_file():
            tail = child.program.log.read_text(errors="replace")[-3000:]
        log = child.program.log
        return f"{name} is {child.phase.value} (exit code {child.exit_code}); the end of {log}:\n{tail}"
