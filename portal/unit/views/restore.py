"""Restore on a keyed unit: choose an image, see what comes back, start."""

from __future__ import annotations

import uuid

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.permissions import actor_of, require_fresh, role_required
from appliance.backup import selectors
from appliance.recovery.actions import start_preview, start_restore
from appliance.recovery.selectors import clear_preview, current_restore
from appliance.unit.selectors import unit
from jobs.selectors import jobs_for
from portal.shell.refused import attempt
from portal.shell.request import PageRequest
from portal.shell.tables import Table
from portal.unit.side import RECOVERERS, RECOVERY_STATES

USABLE = ("committed", "verified")
MAY_RESTORE = ("keyed", "must_rotate", "restoring")


@require_safe
@never_cache
@role_required(*RECOVERERS)
def restore(request: PageRequest) -> HttpResponse:
    table = Table(
        request,
        selectors.in_states(selectors.images(), USABLE),
        sorts={"made": "made_at", "target": "target__name", "serial": "serial", "epoch": "epoch"},
        default="-made",
        search=("serial", "target__name"),
    )
    return render(
        request, "unit/restore.html", {"table": table, "restore": current_restore(), "unit": unit()}
    )


@require_safe
@never_cache
@role_required(*RECOVERERS)
def preview(request: PageRequest, image_id: uuid.UUID) -> HttpResponse:
    """By the clear header for anyone; on the keyed unit also what the sealed manifest says."""
    found = selectors.image(image_id)
    jobs = jobs_for(request.user).filter(kind="recovery.preview", subject__endswith=str(found.pk))
    return render(
        request,
        "unit/restore_preview.html",
        {
            "image": found,
            "clear": clear_preview(found),
            "job": jobs.order_by("-created_at").first(),
            "restore": current_restore(),
            "unit": unit(),
            "may_start": unit().state in MAY_RESTORE,
        },
    )


@require_POST
@role_required(*RECOVERERS)
def read(request: PageRequest, image_id: uuid.UUID) -> HttpResponse:
    found = selectors.image(image_id)
    with attempt(request, "The sealed manifest is being read."):
        start_preview(found, actor=actor_of(request))
    return redirect("unit:restore-preview", image_id=image_id)


@require_POST
@role_required(*RECOVERERS)
def start(request: PageRequest, image_id: uuid.UUID) -> HttpResponse:
    require_fresh(request)
    found = selectors.image(image_id)
    with attempt(request, "The restore has started."):
        job = start_restore(
            found, actor=actor_of(request), accept_rolled_back=request.POST.get("accept_rolled_back") == "yes"
        )
        if unit().state in RECOVERY_STATES:
            return redirect("unit:recover-step", step="restore")
        return redirect("shell:job", job_id=job.pk)
    return redirect("unit:restore-preview", image_id=image_id)
