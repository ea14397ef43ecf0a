"""The unit itself: identity, desk, authority list, outbound work, the tamper declaration."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.permissions import actor_of, require_fresh, role_required
from appliance.unit.actions import (
    confirm_outbound,
    declare_tampered,
    pause_outbound,
    refresh_authority_list,
    set_desk,
)
from appliance.unit.selectors import unit
from jobs.selectors import jobs_for
from portal.shell.refused import attempt
from portal.shell.request import PageRequest
from portal.unit.forms import DeskForm
from portal.unit.side import READERS, RECOVERERS


@require_http_methods(["GET", "POST"])
@never_cache
@role_required(*READERS, *RECOVERERS)
def settings(request: PageRequest) -> HttpResponse:
    found = unit()
    may_act = request.user.has_role(*RECOVERERS)
    form = DeskForm(
        request.POST if may_act and request.method == "POST" else None, initial={"url": found.desk_url}
    )
    if request.method == "POST" and may_act and form.is_valid():
        with attempt(request, "The desk's address is saved."):
            set_desk(actor=actor_of(request), url=form.cleaned_data["url"])
            return redirect("unit:settings")
    return render(
        request,
        "unit/settings.html",
        {
            "unit": found,
            "form": form,
            "may_act": may_act,
            "is_admin": request.user.has_role("admin"),
            "jobs": jobs_for(request.user).filter(subject=f"unit:{found.serial}").order_by("-created_at")[:5],
        },
    )


@require_POST
@role_required(*RECOVERERS)
def refresh_list(request: PageRequest) -> HttpResponse:
    with attempt(
        request, "The desk is asked for its newest list; it is believed only under the pinned root."
    ):
        refresh_authority_list(actor=actor_of(request), text=request.POST.get("text") or None)
    return redirect("unit:settings")


@require_POST
@role_required("admin")
def outbound(request: PageRequest) -> HttpResponse:
    if request.POST.get("to") == "pause":
        with attempt(request, "Outbound work is paused."):
            pause_outbound(actor=actor_of(request), why="by hand")
    else:
        require_fresh(request)
        with attempt(request, "Outbound work goes on."):
            confirm_outbound(actor=actor_of(request))
    return redirect("unit:settings")


@require_POST
@role_required("admin")
def tampered(request: PageRequest) -> HttpResponse:
    """The one act from which this unit never comes back."""
    require_fresh(request)
    if request.POST.get("confirm_name") != unit().serial:
        return redirect("unit:settings")
    with attempt(request, "The unit destroys its secrets. It will not open anything again."):
        declare_tampered(actor=actor_of(request), why=request.POST.get("why", "declared in the portal")[:200])
    return redirect("unit:settings")
