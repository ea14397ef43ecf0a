"""Backup targets: add, look again, pin a host key, change, copy, forget."""

from __future__ import annotations

import uuid

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.permissions import actor_of, require_fresh, role_required
from appliance.backup import selectors
from appliance.backup.actions import add_target, connect_target, edit_target, remove_target, start_copy
from appliance.schedules.selectors import schedules
from appliance.unit.secrets import fingerprint_of
from jobs.selectors import jobs_for
from portal.shell.refused import attempt
from portal.shell.request import PageRequest
from portal.shell.tables import Table
from portal.unit.side import READERS
from portal.unit.target_forms import FORMS, form_of


@require_http_methods(["GET", "POST"])
@never_cache
@role_required(*READERS)
def targets(request: PageRequest) -> HttpResponse:
    may_act = request.user.has_role("admin")
    acts = may_act and request.method == "POST"
    kind = form_of(request.POST.get("kind", "") if acts else request.GET.get("kind", ""))
    form = kind(request.POST if acts else None)
    if acts and form.is_valid():
        with attempt(request, "The target is added and being looked at."):
            made = add_target(
                actor=actor_of(request),
                name=form.cleaned_data["name"],
                kind=form.kind,
                settings=form.settings(),
                credentials=form.credentials() or None,
                private_addresses=form.private(),
                bandwidth=form.bandwidth(),
                copy_of=form.cleaned_data["copy_of"],
            )
            return redirect("unit:target", target_id=made.pk)
    table = Table(
        request,
        selectors.targets().select_related("copy_of"),
        sorts={"name": "name", "state": "state", "checked": "checked_at", "free": "free_bytes"},
        default="name",
        search=("name",),
    )
    context = {"table": table, "form": form, "forms": FORMS.values(), "may_act": may_act}
    return render(request, "unit/targets.html", context)


@require_http_methods(["GET", "POST"])
@never_cache
@role_required(*READERS)
def target(request: PageRequest, target_id: uuid.UUID) -> HttpResponse:
    found = selectors.target(target_id)
    may_act = request.user.has_role("admin")
    acts = may_act and request.method == "POST"
    form = form_of(found.kind)(request.POST if acts else None, target=found)
    if acts and form.is_valid():
        if form.credentials():
            require_fresh(request)
        with attempt(request, "Saved; the target is being looked at."):
            edit_target(found, actor=actor_of(request), **form.changes())
            return redirect("unit:target", target_id=target_id)
    found = selectors.target(target_id)  # as it is, not as the refused change would have had it
    problem = found.problem or {}
    return render(
        request,
        "unit/target.html",
        {
            "target": found,
            "form": form,
            "may_act": may_act,
            "images": selectors.images(found).order_by("-made_at")[:20],
            "copies": selectors.targets().filter(copy_of=found).order_by("name"),
            "policy": selectors.retention_of(found),
            "schedules": schedules().filter(target=found),
            "credentials_fingerprint": fingerprint_of(found.credentials),
            "met_key": (problem.get("facts") or {}).get("found", ""),
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
def pin(request: PageRequest, target_id: uuid.UUID) -> HttpResponse:
    """Pin the very host key that the page showed, and no other that the server may show by now."""
    found = selectors.target(target_id)
    shown = request.POST.get("host_key", "")[:200]
    with attempt(request, "The host key is pinned; the target is being looked at."):
        edit_target(found, actor=actor_of(request), settings={**found.settings, "host_key": shown})
    return redirect("unit:target", target_id=target_id)


@require_POST
@role_required("admin")
def copy(request: PageRequest, target_id: uuid.UUID) -> HttpResponse:
    """Bring this copy up to date with its original."""
    found = selectors.target(target_id)
    source = selectors.target(found.copy_of_id or "")
    with attempt(request, f"Copying from {source.name} has started."):
        job = start_copy(source, actor=actor_of(request), to=found)
        return redirect("shell:job", job_id=job.pk)
    return redirect("unit:target", target_id=target_id)


@require_POST
@role_required("admin")
def remove(request: PageRequest, target_id: uuid.UUID) -> HttpResponse:
    require_fresh(request)
    found = selectors.target(target_id)
    with attempt(request, f"{found.name} is forgotten; nothing on it was touched.") as outcome:
        remove_target(found, actor=actor_of(request))
    return redirect("unit:targets") if outcome.ok else redirect("unit:target", target_id=target_id)
