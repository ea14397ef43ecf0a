"""The hand a handler works with: params, progress, log lines, cancellation; and the lease behind it.

A heartbeat thread renews the lease while the handler works. The handler's own calls of `progress` and
`check` cost nothing most of the time: rows are written at most twice a second.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
import uuid
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connections, transaction
from django.db.models import F, Max
from django.utils import timezone

from audit.actor import Actor
from ground.db.parking import let_go, unit_of_work
from ground.refusals import Refusal
from jobs.models import Job, JobLine

log = logging.getLogger(__name__)
WRITE_EVERY = 0.5  # seconds between two progress writes of one job
SMOOTHING = 0.3  # weight of the newest measurement in the rate
MAX_LINES = 2_000  # a job's log is for people; what is more belongs into the worker's log


class JobCancelled(Exception):
    """Someone asked that the job end; let it pass through, tidying up on the way."""


class LeaseLost(Exception):
    """Another process holds this job now: stop at once, and write nothing more for it."""


class JobContext:
    """What a handler sees of its job. All methods may be called from any thread of the handler."""

    def __init__(self, job: Job, token: uuid.UUID) -> None:
        self.job_id: uuid.UUID = job.pk
        self.kind: str = job.kind
        self.params: dict[str, Any] = job.params
        self.subject: str = job.subject
        self.actor: Actor = job.actor
        self.attempt: int = job.attempts
        self.token = token
        self._lock = threading.Lock()
        self._lost = threading.Event()
        self._cancelled = threading.Event()
        self._renewed = time.monotonic()
        self._written = 0.0
        self._meter = Meter()
        self._pending: dict[str, Any] | None = None

    def progress(self, phase: str, done: int, total: int | None = None, unit: str = "bytes") -> None:
        """Say how far it is; written at most twice a second (the last value always is), never raises."""
        with self._lock:
            rate, eta = self._meter.measure(phase, done, total)
            self._pending = {
                "phase": phase[:120],
                "done_amount": done,
                "total_amount": total,
                "amount_unit": unit[:20],
                "rate": rate,
                "eta": None if eta is None else timezone.now() + dt.timedelta(seconds=eta),
            }
            if time.monotonic() - self._written < WRITE_EVERY and done != total:
                return
        self._write_progress()

    def log(self, text: str) -> None:
        """Add a line to the job's log, for people; never a secret."""
        with unit_of_work(), transaction.atomic():
            # The row is locked first, so that two threads never take one number.
            if not Job.objects.filter(pk=self.job_id, lease_token=self.token).update(
                version=F("version") + 1, changed_at=timezone.now()
            ):
                self._lost.set()
                raise LeaseLost()
            number = (JobLine.objects.filter(job_id=self.job_id).aggregate(n=Max("number"))["n"] or 0) + 1
            if number <= MAX_LINES:
                JobLine.objects.create(job_id=self.job_id, number=number, text=text[:1000])

    def check(self) -> None:
        """Raise `JobCancelled` or `LeaseLost` if the work should stop. Cheap: call it at every chunk."""
        if self._lost.is_set():
            raise LeaseLost()
        if self._cancelled.is_set():
            raise JobCancelled()
        if time.monotonic() - self._renewed > settings.JOB_HEARTBEAT_SECONDS:
            self.renew()
            if self._lost.is_set():
                raise LeaseLost()
            if self._cancelled.is_set():
                raise JobCancelled()

    def renew(self) -> None:
        """Lengthen the lease and look for a cancellation: one UPDATE, one SELECT."""
        until = timezone.now() + dt.timedelta(seconds=settings.JOB_LEASE_SECONDS)
        with unit_of_work():
            held = Job.objects.filter(pk=self.job_id, lease_token=self.token)
            if not held.update(lease_until=until):
                self._lost.set()
                return
            self._renewed = time.monotonic()
            if held.filter(state=Job.State.CANCELLING).exists():
                self._cancelled.set()

    def release(self) -> None:
        """Let go of this thread's database connection before a long stretch without it.

        A connection in use holds the writers' gate, and a restore waits for all of them. The next query
        takes it again. Not inside a transaction.
        """
        let_go()

    def flush(self) -> None:
        """Write the last progress, whatever the time."""
        if self._pending is not None:
            self._write_progress()

    def _write_progress(self) -> None:
        with self._lock:
            values, self._pending = self._pending, None
            self._written = time.monotonic()
        if values is None or self._lost.is_set():
            return
        try:
            with unit_of_work():
                Job.objects.filter(pk=self.job_id, lease_token=self.token).update(
                    **values, changed_at=timezone.now(), version=F("version") + 1
                )
        except (DatabaseError, Refusal):
            # Progress is for people; the work goes on without it.
            log.warning("job %s: progress was not written", self.job_id, exc_info=True)


class Meter:
    """Rate and time left of one phase, smoothed."""

    def __init__(self) -> None:
        self._phase = ""
        self._at = 0.0
        self._done = 0
        self._rate: float | None = None

    def measure(self, phase: str, done: int, total: int | None) -> tuple[float | None, float | None]:
        """(amount per second, seconds left); None while unknown."""
        now = time.monotonic()
        if phase != self._phase or done < self._done:
            self._phase, self._at, self._done, self._rate = phase, now, done, None
            return None, None
        passed = now - self._at
        if passed >= WRITE_EVERY / 2:
            fresh = (done - self._done) / passed
            self._rate = fresh if self._rate is None else self._rate + SMOOTHING * (fresh - self._rate)
            self._at, self._done = now, done
        if not self._rate or total is None:
            return self._rate, None
        return self._rate, max(0.0, (total - done) / self._rate)


class Heartbeat(threading.Thread):
    """Renews the lease of one running job until told to stop; its connection is closed between beats."""

    def __init__(self, context: JobContext) -> None:
        super().__init__(name=f"heartbeat-{context.job_id}", daemon=True)
        self._context = context
        self._stop_event = threading.Event()

    def run(self) -> None:
        while not self._stop_event.wait(settings.JOB_HEARTBEAT_SECONDS):
            try:
                self._context.renew()
            except (DatabaseError, Refusal):
                log.warning("job %s: the lease was not renewed", self._context.job_id, exc_info=True)
            finally:
                connections["default"].close()

    def stop(self) -> None:
        self._stop_event.set()
        self.join(timeout=30)
