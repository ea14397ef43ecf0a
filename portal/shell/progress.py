"""How far a job is, in numbers a page can show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils import timezone


@dataclass(frozen=True)
class Progress:
    phase: str
    done: int
    total: int
    unit: str
    percent: int
    seconds_left: float | None
    rate: float | None

    @property
    def known(self) -> bool:
        return self.total > 0

    @property
    def is_bytes(self) -> bool:
        return self.unit == "bytes"


def progress_of(job: Any) -> Progress:
    """Read the progress members of a job row; whole per cent are rounded down, so 100 means all of it."""
    running = job.state == "running"
    left = (job.eta - timezone.now()).total_seconds() if running and job.eta else None
    return Progress(
        phase=job.phase,
        done=job.done_amount,
        total=job.total_amount or 0,
        unit=job.amount_unit,
        percent=job.percent or 0,
        seconds_left=max(0.0, left) if left is not None else None,
        rate=job.rate if running else None,
    )
