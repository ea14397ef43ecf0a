"""Start a failed or cancelled job again: the same row, the same params."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from audit.actor import Actor
from audit.log import record
from jobs.arrows import CLEARED, arrow
from jobs.broker import send_on_commit
from jobs.errors import NotRetryable
from jobs.models import Job


def retry_job(*, actor: Actor, job: Job) -> Job:
    """Put `job` back into the queue with all its attempts; only one that failed or was cancelled."""
    with transaction.atomic():
        moved = arrow(
            job,
            [Job.State.FAILED, Job.State.CANCELLED],
            Job.State.QUEUED,
            **CLEARED,
            attempts=0,
            losses=0,
            refusal={},
            result={},
            ended_at=None,
            due_at=timezone.now(),
        )
        if not moved:
            job.refresh_from_db()
            raise NotRetryable(state=job.state)
        record("jobs.retried", actor=actor, subject=f"job:{job.id}", facts={"kind": job.kind})
        send_on_commit(job)
    return job
