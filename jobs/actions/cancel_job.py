"""Cancel a job: at once while it waits, at its next check while it runs."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from audit.actor import Actor
from audit.log import record
from jobs.arrows import arrow
from jobs.errors import NotCancellable
from jobs.models import Job


def cancel_job(*, actor: Actor, job: Job) -> Job:
    """Ask that `job` end. A handler that has passed its last check may still finish it.

    Cancelling twice is harmless; a job that has ended is refused with `NotCancellable`.
    """
    with transaction.atomic():
        now = timezone.now()
        if arrow(job, Job.State.QUEUED, Job.State.CANCELLED, ended_at=now) or arrow(
            job, Job.State.RUNNING, Job.State.CANCELLING
        ):
            record("jobs.cancelled", actor=actor, subject=f"job:{job.id}", facts={"kind": job.kind})
            return job
        job.refresh_from_db()
        if job.state != Job.State.CANCELLING:
            raise NotCancellable(state=job.state)
    return job
