"""Images as single files for a carried disk: written from an image's page, listed, handed out, taken in."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.permissions import actor_of, role_required
from appliance.backup import selectors
from appliance.backup.actions import hand_out_carried, remove_carried, start_export, start_import
from ground.rest.download import asked_start, file_response
from jobs.selectors import jobs_for
from portal.shell.refused import attempt
from portal.shell.request import PageRequest
from portal.shell.tables import Table
from portal.unit.side import READERS, RECOVERERS

KINDS = ("backup.export", "backup.import")
PAGE_FILES = 30


def carried_rows() -> list[dict[str, Any]]:
    """The files in the directory for carried images, each with whether its image is known here."""
    found = selectors.carried_files()
    known = {str(pk) for pk in _known(file.image for file in found)}
    return [
        {
            "file": file,
            "name": file.name,
            "size": file.size,
            "made": file.made_at.timestamp() if file.made_at else 0,
            "written": file.modified,
            "is_known": file.image in known,
        }
        for file in found
    ]


def _known(names: Any) -> Any:
    """Which of these ids are images in the catalogue; a file's header may say anything."""
    ids = []
    for name in names:
        try:
            ids.append(uuid.UUID(name))
        except ValueError:
            continue
    return selectors.images().filter(pk__in=ids).values_list("pk", flat=True)


@require_safe
@never_cache
@role_required(*READERS, *RECOVERERS)
def carried(request: PageRequest) -> HttpResponse:
    jobs = jobs_for(request.user).filter(kind__in=KINDS).order_by("-created_at")
    rows = carried_rows()
    table = Table(
        request,
        rows,
        sorts={"name": "name", "size": "size", "made": "made", "written": "written"},
        default="-written",
        search=("name",),
        page_rows=PAGE_FILES,
    )
    return render(
        request,
        "unit/carried.html",
        {
            "table": table,
            "directory": selectors.carried_directory(),
            "usable": [row["file"] for row in rows if row["file"].problem is None],
            "places": selectors.targets().filter(copy_of=None).order_by("name"),
            "jobs": jobs[:3],
            "may_export": request.user.has_role("admin"),
            "may_import": request.user.has_role(*RECOVERERS),
        },
    )


@require_POST
@role_required("admin")
def export(request: PageRequest, image_id: uuid.UUID) -> HttpResponse:
    found = selectors.image(image_id)
    with attempt(request, "The image is being written into a file."):
        start_export(found, actor=actor_of(request), name=request.POST.get("name", "").strip() or None)
    return redirect("unit:backup", image_id=image_id)


@require_POST
@role_required(*RECOVERERS)
def take_in(request: PageRequest) -> HttpResponse:
    target = selectors.target(request.POST.get("target", ""))
    with attempt(request, f"The file is being checked; then it is taken in onto {target.name}."):
        start_import(target, actor=actor_of(request), file=request.POST.get("file", ""))
    return (
        redirect("unit:recover-step", step="target") if "wizard" in request.POST else redirect("unit:carried")
    )


@require_safe
@never_cache
@role_required("admin")
def carried_file(request: PageRequest, name: str) -> HttpResponseBase:
    """The file itself. A download that broke off goes on where it stopped."""
    with attempt(request):
        opened = hand_out_carried(name, actor=actor_of(request), note=asked_start(request) == 0)
        return file_response(request, opened, name=name)
    return redirect("unit:carried")


@require_POST
@role_required("admin")
def remove_file(request: PageRequest, name: str) -> HttpResponse:
    with attempt(request, f"{name} is removed; targets keep what they hold."):
        remove_carried(name, actor=actor_of(request))
    return redirect("unit:carried")
