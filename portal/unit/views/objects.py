"""One virtual image out of an old backup: what the image holds, and bringing one of it back."""

from __future__ import annotations

import uuid
from typing import Any, Literal

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.permissions import actor_of, require_fresh, role_required
from appliance.backup import selectors
from appliance.catalog.selectors import images_for
from appliance.recovery.actions import start_object_list, start_object_restore
from appliance.recovery.errors import ObjectsNotListed
from appliance.recovery.selectors import here_of, objects_of
from jobs.selectors import jobs_for
from portal.shell.refused import attempt
from portal.shell.request import PageRequest
from portal.shell.tables import Table
from portal.unit.side import READERS

KINDS = ("recovery.objects", "recovery.object")
CLASHES: dict[str, Literal["refuse", "keep-both", "replace"]] = {
    "refuse": "refuse", "keep-both": "keep-both", "replace": "replace",
}  # fmt: skip


@require_safe
@never_cache
@role_required(*READERS)
def objects(request: PageRequest, image_id: uuid.UUID) -> HttpResponse:
    found = selectors.image(image_id)
    table: Table | None = None
    here: dict[str, str] = {}
    taken: dict[str, Any] = {}
    try:
        listed = objects_of(found)
    except ObjectsNotListed:
        pass  # the page then offers to read the list
    else:
        table = Table(
            request, listed, sorts={"name": "name", "size": "size"}, default="name", search=("name",)
        )
        here = here_of(table.rows)
        names = {row.name for row in table.rows if here.get(row.object_id) == "name"}
        taken = {row.name: row for row in images_for(request.user).filter(name__in=names, state="ready")}
    return render(
        request,
        "unit/objects.html",
        {
            "image": found,
            "table": table,
            "rows": [
                {"object": row, "here": here.get(row.object_id, ""), "taken": taken.get(row.name)}
                for row in (table.rows if table else [])
            ],
            "jobs": jobs_for(request.user)
            .filter(kind__in=KINDS, subject=f"backup-image:{found.pk}")
            .order_by("-created_at")[:1],
            "may_act": request.user.has_role("admin"),
        },
    )


@require_POST
@role_required("admin")
def read_list(request: PageRequest, image_id: uuid.UUID) -> HttpResponse:
    found = selectors.image(image_id)
    with attempt(request, "Its list is being read."):
        start_object_list(found, actor=actor_of(request))
    return redirect("unit:objects", image_id=image_id)


@require_POST
@role_required("admin")
def bring_back(request: PageRequest, image_id: uuid.UUID) -> HttpResponse:
    """Bring one back; to replace a living one asks for a fresh sign-in."""
    found = selectors.image(image_id)
    clash = CLASHES.get(request.POST.get("clash", ""), "refuse")
    if clash == "replace":
        require_fresh(request)
    with attempt(request, "It is on its way back."):
        start_object_restore(
            found,
            request.POST.get("object", ""),
            actor=actor_of(request),
            clash=clash,
            replaces=_id(request.POST.get("replaces", "")) if clash == "replace" else None,
        )
    return redirect("unit:objects", image_id=image_id)


def _id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
