"""Refusals about jobs."""

from __future__ import annotations

from ground.refusals import Refusal


class NotCancellable(Refusal):
    """It has ended, or was cancelled by someone else."""

    code = "jobs.not-cancellable"
    kind = "conflict"
    title = "This job has already ended."
    next_step = "Nothing needs to be done."


class NotRetryable(Refusal):
    """Only a failed or cancelled job is started again."""

    code = "jobs.not-retryable"
    kind = "conflict"
    title = "Only a failed or cancelled job can be started again."
    next_step = "Wait until it ends, or start a new one."


class KeyReused(Refusal):
    """The idempotency key of another job of this kind."""

    code = "jobs.idempotency-key-reused"
    kind = "conflict"
    title = "This idempotency key started another job."
    next_step = "Use a fresh key for different work."


class WorkerLost(Refusal):
    """The worker was lost again and again; the job may be what kills it."""

    code = "jobs.worker-lost"
    kind = "unavailable"
    title = "The process working on this job was lost too many times."
    next_step = "Look at the worker's log, then start the job again."


class InternalError(Refusal):
    """A fault of ours inside the job; the worker's log has it under the job's id."""

    code = "jobs.internal-error"
    kind = "unavailable"
    title = "Something went wrong while this job was running."
    next_step = "Start it again; if it fails again, give the job's id to whoever runs this site."


class UnknownKind(Refusal):
    """No worker of this site knows this kind of job."""

    code = "jobs.unknown-kind"
    kind = "unavailable"
    title = "No worker of this site knows this kind of job."
    next_step = "Restart the workers: they run another release than the web tier."
