"""Start long work: one row, sent to the broker when the caller's transaction commits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from audit.actor import Actor
from audit.log import record
from jobs.broker import send_on_commit
from jobs.errors import KeyReused
from jobs.models import Job


def start_job(
    kind: str,
    *,
    actor: Actor,
    params: Mapping[str, Any],
    subject: str = "",
    idempotency_key: str | None = None,
    not_before: dt.datetime | None = None,
) -> Job:
    """Put a job of `kind` in the queue and return its row.

    `params` are JSON values without secrets; `subject` names what it is about ("backup-image:<id>").
    With an `idempotency_key` a second call by the same actor returns the first job; `KeyReused` if its
    kind is the same but its params are not. `not_before` schedules it.
    """
    row: dict[str, Any] = {
        "kind": kind,
        "params": dict(params),
        "subject": subject[:200],
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "actor_name": actor.name[:200],
        "idempotency_key": idempotency_key or "",
    }
    if not_before is not None:
        row["due_at"] = not_before
    try:
        with transaction.atomic():
            job = Job.objects.create(**row)
            record(
                "jobs.started",
                actor=actor,
                subject=f"job:{job.id}",
                facts={"kind": kind, "about": job.subject},
            )
            send_on_commit(job)
    except IntegrityError:
        if not idempotency_key:
            raise
        first = Job.objects.filter(kind=kind, actor_id=actor.id, idempotency_key=idempotency_key).first()
        if first is None:
            raise
        if first.params != row["params"]:
            raise KeyReused(job=str(first.id)) from None
        return first
    return job
