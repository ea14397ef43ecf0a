"""Backup images: list, details, run one now, verify one."""

from __future__ import annotations

import json
import uuid

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.permissions import actor_of, role_required
from appliance.backup import selectors
from appliance.backup.actions import start_backup, start_verify
from jobs.selectors import jobs_for
from portal.shell.refused import attempt
from portal.shell.request import PageRequest
from portal.shell.states import LOOKS
from portal.shell.tables import Table
from portal.unit.side import READERS
from portal.unit.tiles import backup_tiles

STATES = [(name, shown.word) for name, shown in LOOKS["image"].items()]
KINDS = ("backup.run", "backup.foresee", "backup.verify", "backup.survey")
CHART_IMAGES = 200
LIVE = ("queued", "running", "cancelling")


@require_safe
@never_cache
@role_required(*READERS)
def backups(request: PageRequest) -> HttpResponse:
    table = Table(
        request,
        selectors.images(),
        sorts={
            "made": "made_at",
            "sequence": "sequence",
            "target": "target__name",
            "content": "content_bytes",
            "new": "new_bytes",
            "epoch": "epoch",
            "verified": "verified_at",
        },
        default="-made",
        search=("serial", "target__name", "key_id"),
        choices={"state": ("state", STATES)},
    )
    return render(
        request,
        "unit/backups.html",
        {
            "table": table,
            # A copy is filled from its original and never backed up onto.
            "targets": selectors.targets().filter(copy_of=None).order_by("name"),
            "tiles": backup_tiles(),
            "why_not": selectors.why_no_backup(),
            "jobs": jobs_for(request.user).filter(kind__in=KINDS, state__in=LIVE),
            "may_act": request.user.has_role("admin"),
            "points": _points(),
            "foreseen": jobs_for(request.user).filter(kind="backup.foresee").order_by("-created_at").first(),
        },
    )


def _points() -> str:
    """Times, content and sent bytes of this unit's newest images, oldest first; empty for fewer than two."""
    newest = selectors.images().filter(own=True).exclude(made_at=None).order_by("-made_at")[:CHART_IMAGES]
    rows = list(newest.values_list("made_at", "content_bytes", "new_bytes"))[::-1]
    columns = [[int(made_at.timestamp()) for made_at, _, _ in rows if made_at]]
    columns += [[content for _, content, _ in rows], [new for _, _, new in rows]]
    return json.dumps(columns) if len(rows) > 1 else ""


@require_POST
@role_required("admin")
def run(request: PageRequest) -> HttpResponse:
    target = selectors.target(request.POST.get("target", ""))
    dry_run = request.POST.get("dry_run") == "1"
    began = f"The {'dry run' if dry_run else 'backup'} onto {target.name} has started."
    with attempt(request, began) as outcome:
        job = start_backup(target, actor=actor_of(request), dry_run=dry_run)
        return redirect("unit:backups") if dry_run else redirect("shell:job", job_id=job.pk)
    del outcome
    return redirect("unit:backups")


@require_safe
@never_cache
@role_required(*READERS)
def backup(request: PageRequest, image_id: uuid.UUID) -> HttpResponse:
    found = selectors.image(image_id)
    return render(
        request,
        "unit/backup.html",
        {
            "image": found,
            "jobs": jobs_for(request.user)
            .filter(subject=f"backup-image:{found.pk}")
            .order_by("-created_at")[:8],
            "values": selectors.values_on_targets([found]),
            "files": [
                file for file in selectors.carried_files() if file.image == str(found.pk) and not file.problem
            ],
            "may_act": request.user.has_role("admin"),
            "usable": found.state in found.USABLE,
        },
    )


@require_POST
@role_required("admin")
def verify(request: PageRequest, image_id: uuid.UUID) -> HttpResponse:
    found = selectors.image(image_id)
    with attempt(request, "The verification has started."):
        start_verify(
            found,
            actor=actor_of(request),
            depth="digests" if request.POST.get("depth") == "digests" else "full",
        )
    return redirect("unit:backup", image_id=image_id)
