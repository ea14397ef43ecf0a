"""What people and rooms do with jobs; web side, rows only."""

from jobs.actions.cancel_job import cancel_job
from jobs.actions.retry_job import retry_job
from jobs.actions.start_job import start_job

__all__ = ["cancel_job", "retry_job", "start_job"]
