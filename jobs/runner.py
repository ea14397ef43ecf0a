"""Working on one job: claim, run the handler, say how it ended. Each arrow is one compare-and-swap."""

from __future__ import annotations

import datetime as dt
import logging
import os
import socket
import uuid
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connections, transaction
from django.db.models import F
from django.utils import timezone

from audit.log import record
from ground.db.parking import let_go
from ground.refusals import Refusal
from jobs.arrows import CLEARED, arrow
from jobs.broker import send_on_commit
from jobs.context import Heartbeat, JobCancelled, JobContext, LeaseLost
from jobs.errors import InternalError, UnknownKind
from jobs.handlers import Handler, handler_of
from jobs.models import Job

log = logging.getLogger(__name__)
BACKOFF = (1.0, 5.0, 30.0)  # seconds before the next attempt


def run_job(job_id: uuid.UUID) -> None:
    """Work on the job if it is there, due, free and nobody else's; otherwise do nothing.

    The database connection is let go of around the handler: it holds the writers' gate, and a handler may
    take hours.
    """
    try:
        claimed = claim(job_id)
        if claimed is None:
            return
        let_go()
        context, handler = claimed
        heartbeat = Heartbeat(context)
        heartbeat.start()
        try:
            _work(context, handler)
        finally:
            heartbeat.stop()
    finally:
        connections.close_all()


def claim(job_id: uuid.UUID) -> tuple[JobContext, Handler] | None:
    """queued → running for this process, or None: not there, not queued, not due, or its group is busy."""
    job = Job.objects.filter(pk=job_id, state=Job.State.QUEUED, due_at__lte=timezone.now()).first()
    if job is None:
        return None
    handler = handler_of(job.kind)
    if handler is None:
        _refuse_unknown(job)
        return None
    token = uuid.uuid4()
    now = timezone.now()
    try:
        with transaction.atomic():
            moved = arrow(
                job,
                Job.State.QUEUED,
                Job.State.RUNNING,
                **{**CLEARED, "started_at": now},
                lease_token=token,
                lease_until=now + dt.timedelta(seconds=settings.JOB_LEASE_SECONDS),
                worker=f"{socket.gethostname()}:{os.getpid()}"[:120],
                exclusive=handler.group(job.params)[:80],
                attempts=F("attempts") + 1,
            )
    except IntegrityError:
        # The unique index: another job of the group runs. The sweeper sends this one again.
        return None
    if not moved:
        return None
    job.refresh_from_db()
    return JobContext(job, token), handler


def _work(context: JobContext, handler: Handler) -> None:
    try:
        result = handler.work(context) or {}
        context.flush()
    except LeaseLost:
        log.warning("job %s: the lease was lost; another process has it", context.job_id)
    except JobCancelled:
        _end(context, Job.State.CANCELLED)
    except Refusal as refusal:
        log.info("job %s: refused, %s", context.job_id, refusal)
        _end(context, Job.State.FAILED, refusal=refusal)
    except Exception:
        log.exception("job %s (%s) failed in attempt %d", context.job_id, context.kind, context.attempt)
        if context.attempt < handler.attempts:
            _again(context)
        else:
            _end(context, Job.State.FAILED, refusal=InternalError(job=str(context.job_id)))
    else:
        _end(context, Job.State.DONE, result=result)


def _end(
    context: JobContext, to: str, *, result: dict[str, Any] | None = None, refusal: Refusal | None = None
) -> None:
    job = Job.objects.filter(pk=context.job_id).first()
    if job is None:
        return  # the database was switched to one without it
    sets: dict[str, Any] = {"ended_at": timezone.now(), "eta": None, "result": result or {}}
    if refusal is not None:
        sets["refusal"] = refusal.as_dict()
    with transaction.atomic():
        if arrow(job, Job.HELD, to, token=context.token, **sets):
            record(
                f"jobs.{to}",
                actor=context.actor,
                subject=f"job:{job.id}",
                facts={"kind": job.kind, **({"code": refusal.code} if refusal else {})},
                outcome="refused" if refusal else "done",
            )
            _wake_next(job)


def _again(context: JobContext) -> None:
    """A failed attempt with some left: running → queued after a pause; cancelled if that was asked."""
    job = Job.objects.filter(pk=context.job_id).first()
    if job is None:
        return
    pause = BACKOFF[min(context.attempt, len(BACKOFF)) - 1]
    with transaction.atomic():
        due = timezone.now() + dt.timedelta(seconds=pause)
        if not arrow(job, Job.State.RUNNING, Job.State.QUEUED, token=context.token, due_at=due, sent_at=None):
            arrow(
                job, Job.State.CANCELLING, Job.State.CANCELLED, token=context.token, ended_at=timezone.now()
            )


def _wake_next(job: Job) -> None:
    """Something ended: the oldest due job may have waited for its group. Only a hint, like every message."""
    waiting = (
        Job.objects.filter(state=Job.State.QUEUED, due_at__lte=timezone.now())
        .order_by("due_at")
        .exclude(pk=job.pk)
    )
    for following in waiting[:2]:
        send_on_commit(following)


def _refuse_unknown(job: Job) -> None:
    """A kind nobody here knows fails at once and loudly, instead of waiting for ever."""
    refusal = UnknownKind(kind=job.kind)
    with transaction.atomic():
        if arrow(job, Job.State.QUEUED, Job.State.FAILED, refusal=refusal.as_dict(), ended_at=timezone.now()):
            record(
                "jobs.failed",
                actor=job.actor,
                subject=f"job:{job.id}",
                facts={"kind": job.kind, "code": refusal.code},
                outcome="refused",
            )
