"""Telling the broker: one message with one id. Losing it costs time, never the job."""

from __future__ import annotations

import logging
import uuid

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from jobs.models import Job

log = logging.getLogger(__name__)
TASK = "jobs.run"
_ONE_ATTEMPT = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}


def send_on_commit(job: Job) -> None:
    """Send the job's id once the caller's transaction has committed, unless it is scheduled for later."""
    if job.due_at > timezone.now():
        return
    job_id = job.pk
    transaction.on_commit(lambda: mark_and_send(job_id), robust=True)


def mark_and_send(job_id: uuid.UUID) -> None:
    if send(job_id):
        Job.objects.filter(pk=job_id, state=Job.State.QUEUED).update(sent_at=timezone.now())


def send(job_id: uuid.UUID) -> bool:
    """Put the id into the queue; False if the broker cannot be reached (the sweeper tries again).

    One attempt on a connection of its own: a request that starts work must not wait for a broker that
    is away, and opening a local socket costs less than a millisecond.
    """
    from kombu.exceptions import OperationalError

    # By name: the composition stands above this room, and only a process that sends loads Celery.
    app = import_string(settings.JOB_APP)
    with app.connection_for_write(transport_options=_ONE_ATTEMPT) as connection:
        gone = (OperationalError, OSError, *connection.connection_errors, *connection.channel_errors)
        try:
            app.send_task(
                TASK, args=[str(job_id)], queue=settings.JOB_QUEUE, connection=connection, retry=False
            )
        except gone as error:
            log.warning("job %s: the broker cannot be reached (%s); it is sent again later", job_id, error)
            return False
    return True
