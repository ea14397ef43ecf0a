"""Real Celery workers on the run's own site and database."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.support.broker import wait_until

ROOT = Path(__file__).resolve().parent.parent.parent
FAST = {
    "STRONGROOM_JOB_LEASE_SECONDS": "2",
    "STRONGROOM_JOB_HEARTBEAT_SECONDS": "0.4",
    "STRONGROOM_JOB_SWEEP_SECONDS": "0.3",
    "STRONGROOM_JOB_RESEND_SECONDS": "1",
}


class Worker:
    """One worker process in a group of its own."""

    def __init__(
        self, environment: Mapping[str, str], log: Path, app: str = "tests.support.worker_app:app"
    ) -> None:
        self.log = log
        self._ready = Path(environment["STRONGROOM_SITE_DIR"]) / "run"
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [
                    *[sys.executable, "-m", "celery", "--app", app, "worker"],
                    *["--loglevel", "INFO", "--without-mingle", "--without-gossip"],
                ],
                cwd=ROOT,
                env={**environment, **FAST, "STRONGROOM_PROCESS": "worker"},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_ready(self) -> None:
        wait_until(self.is_ready, f"worker ready, see {self.log}:\n{self.tail()}")

    def is_ready(self) -> bool:
        assert self._process.poll() is None, f"the worker ended:\n{self.tail()}"
        return any(path.read_text().strip() == str(self.pid) for path in self._ready.glob("*.ready"))

    def kill(self) -> None:
        """SIGKILL to the whole group, as a power cut would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self._process.terminate()
        return self._process.wait(30)

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]


@contextlib.contextmanager
def running_worker(
    environment: Mapping[str, str], log: Path, app: str = "tests.support.worker_app:app"
) -> Iterator[Worker]:
    """`app` names another one than that with the handlers of tests: the site's own is config.celery:app."""
    worker = Worker(environment, log, app)
    try:
        worker.wait_ready()
        yield worker
    finally:
        worker.kill()
