"""Schedules: the list with what came of each, a form that shows the next runs before it is saved."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.permissions import actor_of, role_required
from appliance.backup.selectors import targets
from appliance.schedules import selectors
from appliance.schedules.actions import (
    add_schedule,
    edit_schedule,
    pause_schedule,
    remove_schedule,
    resume_schedule,
)
from appliance.unit.selectors import is_outbound_allowed
from ground.refusals import Refusal
from portal.shell.refused import attempt
from portal.shell.request import PageRequest
from portal.shell.states import LOOKS
from portal.shell.tables import Table
from portal.unit.schedule_forms import ScheduleForm, filled
from portal.unit.side import READERS

STATES = [(name, shown.word) for name, shown in LOOKS["occurrence"].items()]


@require_safe
@never_cache
@role_required(*READERS)
def schedules(request: PageRequest) -> HttpResponse:
    rows = list(selectors.schedules().order_by("name"))
    table = Table(
        request,
        selectors.occurrences(),
        sorts={"due": "due_at", "schedule": "schedule__name", "state": "state"},
        default="-due",
        search=("schedule__name",),
        choices={"state": ("state", STATES)},
    )
    return render(
        request,
        "unit/schedules.html",
        {
            "rows": rows,
            "table": table,
            "overdue": selectors.overdue(),
            "paused": not is_outbound_allowed(),
            "has_targets": targets().exists(),
            "may_act": request.user.has_role("admin"),
        },
    )


@require_http_methods(["GET", "POST"])
@never_cache
@role_required("admin")
def add(request: PageRequest) -> HttpResponse:
    form = ScheduleForm(
        request.POST if request.method == "POST" else None,
        initial={"zone": settings.TIME_ZONE, "target": request.GET.get("target", "")},
    )
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        with attempt(request, f"{given['name']} is set."):
            made = add_schedule(
                actor=actor_of(request),
                name=given["name"],
                target=given["target"],
                rule=form.rule(),
                zone=given["zone"],
                task=given["task"],
                which=given["which"] or "newest",
                depth=given["depth"] or "full",
                catch_up=given["catch_up"],
            )
            return redirect("unit:schedule", schedule_id=made.pk)
    return render(request, "unit/schedule_add.html", {"form": form, **_preview(form)})


@require_http_methods(["GET", "POST"])
@never_cache
@role_required(*READERS)
def schedule(request: PageRequest, schedule_id: uuid.UUID) -> HttpResponse:
    found = selectors.schedule(schedule_id)
    may_act = request.user.has_role("admin")
    acts = may_act and request.method == "POST"
    form = ScheduleForm({**request.POST.dict(), **_lists(request), "task": found.task} if acts else None,
                        initial=filled(found))  # fmt: skip
    if acts and form.is_valid():
        given = form.cleaned_data
        with attempt(request, "Saved."):
            edit_schedule(
                found,
                actor=actor_of(request),
                name=given["name"],
                target=given["target"],
                rule=form.rule(),
                zone=given["zone"],
                which=given["which"] or None,
                depth=given["depth"] or None,
                catch_up=given["catch_up"],
            )
            return redirect("unit:schedule", schedule_id=schedule_id)
    table = Table(request, selectors.occurrences(found), sorts={"due": "due_at"}, default="-due")
    return render(
        request,
        "unit/schedule.html",
        {
            "schedule": found,
            "form": form,
            "table": table,
            "runs": selectors.next_runs(found),
            "paused": not is_outbound_allowed(),
            "may_act": may_act,
            **_preview(form),
        },
    )


def _lists(request: PageRequest) -> dict[str, Any]:
    return {name: request.POST.getlist(name) for name in ("on", "months")}


def _preview(form: ScheduleForm) -> dict[str, Any]:
    """The next runs of what stands in the form; the refusal, where there can be none."""
    if not form.is_bound:
        return {"preview": None, "refusal": None}
    form.is_valid()
    if not {"every", "months", "zone"} <= set(form.cleaned_data):
        return {"preview": None, "refusal": None}
    known, zone = form.cleaned_data, form.cleaned_data["zone"]
    form.cleaned_data = {**dict.fromkeys(form.fields), **known}
    try:
        return {"preview": selectors.preview(form.rule(), zone), "refusal": None}
    except Refusal as refusal:  # what cannot run is what the preview is for; nothing was asked to happen
        return {"preview": None, "refusal": refusal}


@require_POST
@never_cache
@role_required("admin")
def preview(request: PageRequest) -> HttpResponse:
    """A fragment: the next runs of the rule that is being filled in."""
    return render(request, "unit/schedule_preview.html", _preview(ScheduleForm(request.POST)))


@require_POST
@role_required("admin")
def pause(request: PageRequest, schedule_id: uuid.UUID) -> HttpResponse:
    found = selectors.schedule(schedule_id)
    with attempt(request, f"{found.name} is paused: nothing runs by it."):
        pause_schedule(found, actor=actor_of(request), why=request.POST.get("why", ""))
    return redirect("unit:schedule", schedule_id=schedule_id)


@require_POST
@role_required("admin")
def resume(request: PageRequest, schedule_id: uuid.UUID) -> HttpResponse:
    found = selectors.schedule(schedule_id)
    with attempt(request, f"{found.name} runs again."):
        resume_schedule(found, actor=actor_of(request))
    return redirect("unit:schedule", schedule_id=schedule_id)


@require_POST
@role_required("admin")
def remove(request: PageRequest, schedule_id: uuid.UUID) -> HttpResponse:
    found = selectors.schedule(schedule_id)
    with attempt(request, f"{found.name} is removed; images stay."):
        remove_schedule(found, actor=actor_of(request))
    return redirect("unit:schedules")
