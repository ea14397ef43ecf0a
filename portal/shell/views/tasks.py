"""Long work: the list, one job, cancel and retry."""

from __future__ import annotations

import uuid

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.permissions import actor_of
from jobs.actions import cancel_job, retry_job
from jobs.selectors import job_for, job_for_change, jobs_for
from portal.shell.refused import attempt
from portal.shell.request import PageRequest
from portal.shell.tables import Table

STATES = [
    (word, word.capitalize()) for word in ("queued", "running", "cancelling", "done", "failed", "cancelled")
]


@require_safe
@login_required
def jobs(request: PageRequest) -> HttpResponse:
    table = Table(
        request,
        jobs_for(request.user),
        sorts={"task": "kind", "state": "state", "started": "created_at", "ended": "ended_at"},
        default="-started",
        search=("kind", "subject", "actor_name"),
        choices={"state": ("state", STATES)},
    )
    return render(request, "shell/jobs.html", {"table": table})


@require_safe
@never_cache
@login_required
def job(request: PageRequest, job_id: uuid.UUID) -> HttpResponse:
    return render(request, "shell/job.html", {"job": job_for(request.user, job_id)})


@require_safe
@never_cache
@login_required
def job_row(request: PageRequest, job_id: uuid.UUID) -> HttpResponse:
    """A job inside another page: progress while it runs, how it ended afterwards."""
    return render(request, "shell/job_row.html", {"job": job_for(request.user, job_id)})


@require_POST
@login_required
def cancel(request: PageRequest, job_id: uuid.UUID) -> HttpResponse:
    found = job_for_change(request.user, job_id)
    with attempt(request, "The task was asked to stop; it stops at the next safe place."):
        cancel_job(actor=actor_of(request), job=found)
    return redirect("shell:job", job_id=job_id)


@require_POST
@login_required
def retry(request: PageRequest, job_id: uuid.UUID) -> HttpResponse:
    found = job_for_change(request.user, job_id)
    with attempt(request, "The task starts again; what was already done is not done twice."):
        retry_job(actor=actor_of(request), job=found)
    return redirect("shell:job", job_id=job_id)
