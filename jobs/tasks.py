"""The one Celery task. It carries an id; everything else is in the row."""

from __future__ import annotations

import uuid

from celery import shared_task

from jobs.broker import TASK
from jobs.runner import run_job


@shared_task(name=TASK, ignore_result=True, acks_late=False)
def run(job_id: str) -> None:
    """Look at the job and work on it if it is to be worked on. Any number of deliveries is harmless."""
    run_job(uuid.UUID(job_id))
