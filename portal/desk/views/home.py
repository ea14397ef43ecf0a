"""The first page (queue for staff, overview for a contact) and the finder."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.permissions import role_required
from manufacturer.escrow.actions.identify import identify
from manufacturer.escrow.selectors import ledger_for
from manufacturer.registry.selectors import is_staff, transfer_requests_for, units_for
from manufacturer.rma.selectors import tickets_for
from portal.desk.forms import IdentifyForm
from portal.desk.models import TicketDraft
from portal.desk.openings import numbers_in
from portal.desk.side import STAFF
from portal.desk.whose import OVER, PARTIES, TARGETS, is_for, turn_of
from portal.shell.refused import attempt
from portal.shell.request import PageRequest

QUEUE_ROWS = 200


@require_safe
@login_required
def home(request: PageRequest) -> HttpResponse:
    return _queue(request) if is_staff(request.user) else _overview(request)


def _queue(request: PageRequest) -> HttpResponse:
    """Open tickets by whose move it is; the longest waiting first."""
    rows = [
        {"ticket": ticket, "turn": turn_of(ticket)}
        for ticket in tickets_for(request.user).exclude(state__in=OVER).order_by("changed_at")[:QUEUE_ROWS]
    ]
    for row in rows:
        row["mine"] = is_for(row["turn"], request.user)  # type: ignore[arg-type]  # turn_of returned it
    groups = [
        {
            "party": party,
            "name": name,
            "target": TARGETS[party],
            "rows": [row for row in rows if row["turn"].party == party],  # type: ignore[attr-defined]
        }
        for party, name in PARTIES.items()
        if party != "nobody"
    ]
    return render(
        request,
        "desk/queue.html",
        {
            "groups": groups,
            "idle": _any_of([PARTIES[str(group["party"])].lower() for group in groups if not group["rows"]]),
            "open": len(rows),
            "late": sum(row["turn"].late for row in rows),  # type: ignore[attr-defined]
            "mine": sum(bool(row["mine"]) for row in rows),
            "waiting_units": transfer_requests_for(request.user).filter(state="waiting").count(),
        },
    )


def _any_of(names: list[str]) -> str:
    """One, or another, in words."""
    return " or ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _overview(request: PageRequest) -> HttpResponse:
    tickets = [
        {"ticket": ticket, "turn": turn_of(ticket), "mine": is_for(turn_of(ticket), request.user)}
        for ticket in tickets_for(request.user).exclude(state__in=OVER)[:50]
    ]
    openings = list(ledger_for(request.user).select_related("customer").order_by("-sequence")[:6])
    return render(
        request,
        "desk/overview.html",
        {
            "tickets": tickets,
            "units": units_for(request.user)[:50],
            "openings": openings,
            "numbers": numbers_in(request.user, openings),
            "draft": TicketDraft.objects.filter(user_id=request.user.pk, unit_id__isnull=False).first(),
        },
    )


@require_http_methods(["GET", "POST"])
@never_cache
@role_required(*STAFF)
def finder(request: PageRequest) -> HttpResponse:
    """What does this text belong to? Nothing is opened; a text of nobody known says no more than that."""
    form = IdentifyForm(request.POST or None)
    found = None
    outcome = None
    if request.method == "POST" and form.is_valid():
        with attempt(request, tell=False) as outcome:
            found = identify(user=request.user, text=form.cleaned_data["text"])
    return render(request, "desk/finder.html", {"form": form, "found": found, "outcome": outcome})
