"""The unit's content store and its targets: how much is stored, how much of it is needed, collecting."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.permissions import actor_of, require_fresh, role_required
from appliance.backup import selectors as backups
from appliance.backup.actions import start_use
from appliance.content import collection, selectors
from appliance.content.actions.start_collection import start_collection
from appliance.content.hooks import holds
from jobs.selectors import jobs_for
from portal.shell.refused import attempt
from portal.shell.request import PageRequest
from portal.unit.side import READERS

KINDS = (collection.KIND, "backup.use")
LIVE = ("queued", "running", "cancelling")


@require_safe
@never_cache
@role_required(*READERS)
def storage(request: PageRequest) -> HttpResponse:
    jobs = jobs_for(request.user).filter(kind__in=KINDS)
    look = selectors.newest_look()
    last = jobs.filter(kind=collection.KIND).order_by("-created_at").first()
    return render(
        request,
        "unit/storage.html",
        {
            "look": look,
            "padding": look.stored_bytes - look.live_bytes - look.dead_bytes if look else 0,
            "last": selectors.last_collection(),
            "looks": selectors.store_looks().filter(dry_run=False)[:12],
            "result": last.result if last is not None and last.state == "done" else None,
            "last_job": last,
            "jobs": jobs.filter(state__in=LIVE).order_by("created_at"),
            "failed": last.refused if last is not None and last.state == "failed" else None,
            "holds": holds(),
            "targets": list(backups.uses()),
            "plan": collection.Plan(),
            "may_act": request.user.has_role("admin"),
        },
    )


@require_POST
@role_required("admin")
def look(request: PageRequest) -> HttpResponse:
    """A dry run of a collection, and a look at every target that can be reached."""
    with attempt(request, "Looking: nothing is changed."):
        start_collection(collection.Plan(dry_run=True, **_choices(request)), actor=actor_of(request))
        for target in backups.uses().filter(state="ready"):
            start_use(target, actor=actor_of(request))
    return redirect("unit:storage")


@require_POST
@role_required("admin")
def collect(request: PageRequest) -> HttpResponse:
    """The collection itself, which asks for a fresh sign-in."""
    require_fresh(request)
    with attempt(request, "The collection has started."):
        start_collection(collection.Plan(**_choices(request)), actor=actor_of(request))
    return redirect("unit:storage")


def _choices(request: PageRequest) -> dict[str, Any]:
    return {"repack": request.POST.get("repack") or "auto"}
