"""Backup targets: add, look again, change, forget."""

from __future__ import annotations

import uuid

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.permissions import actor_of, require_fresh, role_required
from appliance.backup import selectors
from appliance.backup.actions import add_target, connect_target, edit_target, remove_target
from jobs.selectors import jobs_for
from portal.shell.refused import attempt
from portal.shell.request import PageRequest
from portal.shell.tables import Table
from portal.unit.forms import TargetForm
from portal.unit.side import READERS


@require_http_methods(["GET", "POST"])
@never_cache
@role_required(*READERS)
def targets(request: PageRequest) -> HttpResponse:
    may_act = request.user.has_role("admin")
    form = TargetForm(request.POST if may_act and request.method == "POST" else None)
    if request.method == "POST" and may_act and form.is_valid():
        with attempt(request, "The target is added and being looked at."):
            made = add_target(
                actor=actor_of(request),
                name=form.cleaned_data["name"],
                kind="directory",
                settings={"path": form.cleaned_data["path"]},
            )
            return redirect("unit:target", target_id=made.pk)
    table = Table(
        request,
        selectors.targets(),
        sorts={"name": "name", "state": "state", "checked": "checked_at"},
        default="name",
        search=("name",),
    )
    return render(request, "unit/targets.html", {"table": table, "form": form, "may_act": may_act})


@require_http_methods(["GET", "POST"])
@never_cache
@role_required(*READERS)
def target(request: PageRequest, target_id: uuid.UUID) -> HttpResponse:
    found = selectors.target(target_id)
    may_act = request.user.has_role("admin")
    initial = {"name": found.name, "path": found.settings.get("path", "")}
    form = TargetForm(request.POST if may_act and request.method == "POST" else None, initial=initial)
    if request.method == "POST" and may_act and form.is_valid():
        with attempt(request, "Saved; the target is being looked at."):
            edit_target(
                found,
                actor=actor_of(request),
                name=form.cleaned_data["name"],
                settings={"path": form.cleaned_data["path"]},
            )
            return redirect("unit:target", target_id=target_id)
    return render(
        request,
        "unit/target.html",
        {
            "target": found,
            "form": form,
            "may_act": may_act,
            "images": selectors.images(found).order_by("-made_at")[:20],
            "jobs": jobs_for(request.user)
            .filter(subject=f"backup-target:{found.pk}")
            .order_by("-created_at")[:5],
        },
    )


@require_POST
@role_required("admin", "recovery-operator")
def connect(request: PageRequest, target_id: uuid.UUID) -> HttpResponse:
    found = selectors.target(target_id)
    with attempt(request, "The target is being looked at."):
        connect_target(found, actor=actor_of(request))
    return redirect("unit:target", target_id=target_id)


@require_POST
@role_required("admin")
def remove(request: PageRequest, target_id: uuid.UUID) -> HttpResponse:
    require_fresh(request)
    found = selectors.target(target_id)
    with attempt(request, f"{found.name} is forgotten; nothing on it was touched.") as outcome:
        remove_target(found, actor=actor_of(request))
    return redirect("unit:targets") if outcome.ok else redirect("unit:target", target_id=target_id)
