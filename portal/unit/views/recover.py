"""The recovery wizard: a blank unit's way to the content of the one it replaces.

The steps and where the unit stands are in `portal.unit.recovery`; here is what a browser asks for.
"""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.permissions import role_required
from jobs.selectors import jobs_for
from portal.shell.refused import attempt
from portal.shell.request import PageRequest
from portal.unit.recovery.acts import ACTS, ADMIN_ONLY, BadForm
from portal.unit.recovery.gather import GATHER
from portal.unit.recovery.steps import NAMES, STEPS, Standing, furthest, standing
from portal.unit.side import RECOVERERS

LIVE = ("queued", "running", "cancelling")


@require_safe
@never_cache
@role_required(*RECOVERERS)
def recover(request: PageRequest) -> HttpResponse:
    """Goes on where the unit stands."""
    now = standing()
    if not now.begun:
        return render(request, "unit/recover_none.html", {"unit": now.unit})
    return redirect("unit:recover-step", step=now.reached)


@require_safe
@never_cache
@role_required(*RECOVERERS)
def step(request: PageRequest, step: str) -> HttpResponse:
    now = standing()
    if step not in NAMES:
        raise Http404
    if not now.begun:
        return redirect("unit:recover")
    if NAMES.index(step) > furthest(now):
        return redirect("unit:recover")
    return _show(request, now, step)


def _show(request: PageRequest, now: Standing, name: str, **extra: Any) -> HttpResponse:
    at = STEPS[NAMES.index(name)]
    open_to, reached = furthest(now), NAMES.index(now.reached)
    steps = [
        {
            "label": entry.label,
            "done": place < reached or now.over,
            "here": entry.name == name,
            "url": reverse("unit:recover-step", args=[entry.name])
            if place <= open_to and entry.name != name
            else "",
        }
        for place, entry in enumerate(STEPS)
    ]
    jobs = list(jobs_for(request.user).filter(state__in=LIVE).order_by("created_at"))
    context: dict[str, Any] = {
        "step": at,
        "steps": steps,
        "standing": now,
        "unit": now.unit,
        "case": now.case,
        "restore": now.restore,
        "report": now.report,
        "live": jobs,
        "is_turn": name == now.reached,
        "next_url": reverse("unit:recover-step", args=[now.reached]),
        "latest": _latest(request),
    }
    context |= (GATHER[name](request, now) if name in GATHER else {}) | extra
    status = int(context.pop("status", 200))
    return render(request, f"unit/recover_{name}.html", context, status=status)


def _latest(request: PageRequest) -> Any:
    """What ended last; not the looks at targets, of which each target tells by itself."""
    ended = jobs_for(request.user).exclude(state__in=LIVE).exclude(kind="backup.survey")
    return ended.order_by("-ended_at").first()


@require_POST
@role_required(*RECOVERERS)
def act(request: PageRequest, step: str, act: str) -> HttpResponse:
    """One act of one step; a refusal is shown on the step it belongs to."""
    chosen = ACTS.get((step, act))
    if chosen is None or ((step, act) in ADMIN_ONLY and not request.user.has_role("admin")):
        raise Http404
    now = standing()
    if not now.begun:
        raise Http404
    try:
        with attempt(request, tell=False) as outcome:
            return redirect("unit:recover-step", step=chosen(request, now))
    except BadForm as bad:
        return _show(request, now, bad.step, status=400, **bad.forms)
    return _show(request, standing(), step, status=409, refusal=outcome.refusal, event_id=outcome.event_id)
