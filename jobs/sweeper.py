"""The sweeper: a thread in each worker that makes up for whatever broker, workers and power lost.

Every look, by compare-and-swap, so that any number of sweepers may run side by side:

- a held job whose lease ran out goes back into the queue (or ends, if it was being cancelled, or was
  lost too often);
- a queued job that is due and was not sent for a while is sent (again).

Rooms above add looks of their own (`on_look`): what is due by the calendar, what did not happen.

So the broker may lose everything at any time; a schedule is a queued job with a later `due_at`.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connections, transaction
from django.db.models import F, Q
from django.utils import timezone

from audit.actor import Actor
from audit.log import record
from ground.refusals import Refusal
from jobs.arrows import arrow
from jobs.broker import send
from jobs.errors import WorkerLost
from jobs.models import Job

log = logging.getLogger(__name__)
MAX_LOSSES = 100  # leases one job may lose: a job that kills its worker must not do so for ever
BATCH = 100  # rows a look takes up at most
_SWEEPER = Actor.system("sweeper")
Look = Callable[[], object]

_looks: list[Look] = []


def on_look(look: Look) -> Look:
    """Call `look` at each look of every worker's sweeper: as a decorator in a room's `tasks`.

    Several sweepers look side by side, so whatever it changes is a compare-and-swap. It is short: the
    next one waits for it.
    """
    if look not in _looks:
        _looks.append(look)
    return look


def look_around() -> None:
    """Call what rooms registered; one that fails does not keep the others from looking."""
    for look in _looks:
        try:
            look()
        except Exception:  # a thread that ends here would end every schedule of the site, in silence
            log.exception("%s failed; it looks again next time", getattr(look, "__qualname__", look))


def sweep() -> int:
    """Look once; the number of jobs moved or sent."""
    return _take_back() + _resend()


def _take_back() -> int:
    count = 0
    now = timezone.now()
    lost = Job.objects.filter(state__in=Job.HELD, lease_until__lt=now).order_by("lease_until")
    for job in lost[:BATCH]:
        with transaction.atomic():
            # Token and time are part of the comparison: a worker that renewed meanwhile keeps its job.
            overdue: dict[str, Any] = {
                "token": job.lease_token,
                "overdue_at": now,
                "losses": F("losses") + 1,
            }
            if job.state == Job.State.CANCELLING:
                moved = arrow(
                    job, Job.State.CANCELLING, Job.State.CANCELLED, ended_at=timezone.now(), **overdue
                )
                action = "jobs.cancelled"
            elif job.losses + 1 >= MAX_LOSSES:
                refusal = WorkerLost(losses=job.losses + 1)
                moved = arrow(
                    job,
                    Job.State.RUNNING,
                    Job.State.FAILED,
                    ended_at=timezone.now(),
                    refusal=refusal.as_dict(),
                    **overdue,
                )
                action = "jobs.failed"
            else:
                moved = arrow(
                    job,
                    Job.State.RUNNING,
                    Job.State.QUEUED,
                    due_at=timezone.now(),
                    sent_at=None,
                    attempts=F("attempts") - 1,  # a lost process is no failed attempt
                    **overdue,
                )
                action = "jobs.lease-lost"
            if moved:
                log.warning("job %s (%s): the lease of %s ran out", job.pk, job.kind, job.worker)
                record(action, actor=_SWEEPER, subject=f"job:{job.pk}", facts={"kind": job.kind})
                count += 1
    return count


def _resend() -> int:
    now = timezone.now()
    stale = now - dt.timedelta(seconds=settings.JOB_RESEND_SECONDS)
    due = Job.objects.filter(state=Job.State.QUEUED, due_at__lte=now).filter(
        Q(sent_at=None) | Q(sent_at__lt=stale)
    )
    count = 0
    for job_id, sent_at in due.order_by("due_at").values_list("pk", "sent_at")[:BATCH]:
        # One of several sweepers sends it: whoever changes the time that all of them read.
        taken = Job.objects.filter(pk=job_id, state=Job.State.QUEUED, sent_at=sent_at).update(sent_at=now)
        if taken and send(job_id):
            count += 1
    return count


class Sweeper(threading.Thread):
    """Sweeps until stopped; its database connection is closed between looks (see ground/db/gate.py)."""

    def __init__(self) -> None:
        super().__init__(name="sweeper", daemon=True)
        self._stop_event = threading.Event()

    def run(self) -> None:
        while not self._stop_event.is_set():
            try:
                sweep()
                look_around()
            except (DatabaseError, Refusal):
                log.warning("a sweep failed; the next one makes up for it", exc_info=True)
            finally:
                connections.close_all()
            self._stop_event.wait(settings.JOB_SWEEP_SECONDS)

    def stop(self) -> None:
        self._stop_event.set()
        self.join(timeout=10)


_running: Sweeper | None = None


def start() -> None:
    """Start this process's sweeper; once."""
    global _running
    if _running is None or not _running.is_alive():
        _running = Sweeper()
        _running.start()


def stop() -> None:
    global _running
    if _running is not None:
        _running.stop()
        _running = None
