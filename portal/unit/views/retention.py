"""What a target keeps: the policy with its calendar before it is saved, dry runs, single images."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.permissions import actor_of, require_fresh, role_required
from appliance.backup import selectors
from appliance.backup.actions import (
    clear_retention,
    expire_image,
    keep_image,
    protect_image,
    set_retention,
    start_prune,
    unprotect_image,
)
from appliance.backup.retention import Day, Policy, Simulation
from appliance.schedules.selectors import Projected, simulate_onto
from jobs.selectors import jobs_for
from portal.shell.refused import attempt
from portal.shell.request import PageRequest
from portal.unit.retention_forms import RULES, RetentionForm
from portal.unit.side import READERS

MONTHS = 3
WORDS = {
    "last": "one of the last", "hourly": "of its hour", "daily": "of its day", "weekly": "of its week",
    "monthly": "of its month", "yearly": "of its year", "within": "young enough",
    "newest": "newest of its chain",
    "newest-verified": "newest verified", "not-verified-yet": "not verified yet", "protected": "protected",
    "other-unit": "another unit's", "in-use": "in use now",
}  # fmt: skip


@require_http_methods(["GET", "POST"])
@never_cache
@role_required(*READERS)
def retention(request: PageRequest, target_id: uuid.UUID) -> HttpResponse:
    target = selectors.target(target_id)
    stored = selectors.retention_of(target)
    may_act = request.user.has_role("admin")
    acts = may_act and request.method == "POST"
    initial = {name: getattr(stored, name) for name in (*RULES, "time_zone", "grace_days", "quota_percent")} \
        if stored else {"daily": 7, "weekly": 5, "monthly": 12, "time_zone": settings.TIME_ZONE}  # fmt: skip
    form = RetentionForm(request.POST if acts else None, initial=initial)
    drawn: Projected | None = None
    if acts and form.is_valid() and "save" in request.POST:
        with attempt(request, "Saved; the next prune goes by it."):
            set_retention(
                target,
                actor=actor_of(request),
                policy=form.policy(),
                grace_days=form.cleaned_data["grace_days"],
                quota_percent=form.cleaned_data["quota_percent"],
            )
            return redirect("unit:retention", target_id=target_id)
    elif acts and form.is_valid():
        with attempt(request):
            drawn = simulate_onto(target, form.policy(), months=MONTHS)
    elif stored is not None:
        with attempt(request):
            drawn = simulate_onto(target, _policy_of(stored), months=MONTHS)
    jobs = jobs_for(request.user).filter(kind="backup.prune", subject=f"backup-target:{target.pk}")
    return render(
        request,
        "unit/retention.html",
        {
            "target": target,
            "stored": stored,
            "form": form,
            "may_act": may_act,
            "is_draft": acts,
            "drawn": drawn,
            "months": _months(drawn.simulation.days) if drawn else [],
            "leaving": _leaving(target, drawn.simulation) if drawn else [],
            "kept": len(drawn.simulation.now.kept) if drawn else 0,
            "jobs": jobs.order_by("-created_at")[:1],
            "last": jobs.filter(state="done").order_by("-created_at").first(),
        },
    )


def _policy_of(stored: Any) -> Policy:
    return Policy(**{rule: getattr(stored, rule) for rule in RULES}, time_zone=stored.time_zone)


def _months(days: Iterable[Day]) -> list[dict[str, Any]]:
    """The days as months of weeks, Monday first; each day says what is made on it and what remains of it."""
    today = timezone.localdate()
    shown = []
    for (_year, _month), group in groupby(days, key=lambda day: (day.date.year, day.date.month)):
        listed = {day.date: day for day in group}
        first = min(listed).replace(day=1)
        weeks, at = [], first - dt.timedelta(days=first.weekday())
        while (at.year, at.month) <= (first.year, first.month):
            dates = [at + dt.timedelta(days=n) for n in range(7)]
            weeks.append([_cell(date, first, listed.get(date), today) for date in dates])
            at += dt.timedelta(days=7)
        shown.append({"first": first, "weeks": weeks, "made": sum(day.made for day in listed.values()),
                      "remaining": sum(day.remaining for day in listed.values())})  # fmt: skip
    return shown


def _cell(date: dt.date, first: dt.date, day: Day | None, today: dt.date) -> dict[str, Any]:
    return {
        "date": date if date.month == first.month else None,
        "day": day,
        "reasons": ", ".join(WORDS.get(reason, reason) for reason in day.reasons) if day else "",
        "is_past": date < today,
    }


def _leaving(target: Any, drawn: Simulation) -> list[dict[str, Any]]:
    """The images there are that would go within the months drawn, soonest first."""
    rows = {row.pk: row for row in selectors.images(target).filter(pk__in=list(drawn.leaving))}
    found = [{"image": rows[pk], "on": day} for pk, day in drawn.leaving.items() if pk in rows]
    return sorted(found, key=lambda entry: entry["on"])


@require_POST
@role_required("admin")
def clear(request: PageRequest, target_id: uuid.UUID) -> HttpResponse:
    target = selectors.target(target_id)
    with attempt(request, f"Nothing on {target.name} expires any more."):
        clear_retention(target, actor=actor_of(request))
    return redirect("unit:retention", target_id=target_id)


@require_POST
@role_required("admin")
def prune(request: PageRequest, target_id: uuid.UUID) -> HttpResponse:
    """A dry run, which names what would be lost; or the prune itself, which asks for a fresh sign-in."""
    target = selectors.target(target_id)
    dry = request.POST.get("dry_run") != "no"
    if not dry:
        require_fresh(request)
    with attempt(request, "The dry run has started." if dry else "The prune has started."):
        start_prune(target, actor=actor_of(request), dry_run=dry)
    return redirect("unit:retention", target_id=target_id)


# Single images


@require_POST
@role_required("admin")
def protect(request: PageRequest, image_id: uuid.UUID) -> HttpResponse:
    found = selectors.image(image_id)
    with attempt(request, "It is protected: no policy deletes it."):
        protect_image(found, actor=actor_of(request), why=request.POST.get("why", "").strip())
    return redirect("unit:backup", image_id=image_id)


@require_POST
@role_required("admin")
def unprotect(request: PageRequest, image_id: uuid.UUID) -> HttpResponse:
    found = selectors.image(image_id)
    with attempt(request, "The policy counts for it again."):
        unprotect_image(found, actor=actor_of(request))
    return redirect("unit:backup", image_id=image_id)


@require_POST
@role_required("admin")
def expire(request: PageRequest, image_id: uuid.UUID) -> HttpResponse:
    require_fresh(request)
    found = selectors.image(image_id)
    with attempt(request, "It is marked to go. Until a prune deletes it, it can be kept after all."):
        expire_image(found, actor=actor_of(request), why=request.POST.get("why", "").strip())
    return redirect("unit:backup", image_id=image_id)


@require_POST
@role_required("admin")
def keep(request: PageRequest, image_id: uuid.UUID) -> HttpResponse:
    found = selectors.image(image_id)
    with attempt(request, "It stays."):
        keep_image(found, actor=actor_of(request))
    return redirect("unit:backup", image_id=image_id)
