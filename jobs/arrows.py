"""The one way a job's row changes state: see the table in `jobs.models.Job`."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from django.db.models import F
from django.utils import timezone

from ground.db.transitions import swap
from jobs.models import Job

# Progress of the attempt before, wiped when a job goes back into the queue.
CLEARED: dict[str, Any] = {
    "phase": "",
    "done_amount": 0,
    "total_amount": None,
    "rate": None,
    "eta": None,
    "started_at": None,
}
_LET_GO: dict[str, Any] = {"lease_token": None, "lease_until": None, "exclusive": ""}


def arrow(
    job: Job,
    from_: str | Sequence[str],
    to: str,
    *,
    token: uuid.UUID | None = None,
    overdue_at: dt.datetime | None = None,
    **sets: Any,
) -> bool:
    """Move `job` if it is in `from_` (with `token`: still held by it; with `overdue_at`: lease over).

    False if it is not. Every arrow out of a held state lets go of lease and group.
    """
    rows = Job.objects.filter(pk=job.pk)
    if token is not None:
        rows = rows.filter(lease_token=token)
    if overdue_at is not None:
        rows = rows.filter(lease_until__lt=overdue_at)
    if to not in Job.HELD:
        sets = {**sets, **_LET_GO}
    now = timezone.now()
    moved = swap(rows, "state", from_, to, changed_at=now, version=F("version") + 1, **sets)
    if moved:
        for name, value in {"state": to, "changed_at": now, **sets}.items():
            setattr(job, name, value)
    return moved
