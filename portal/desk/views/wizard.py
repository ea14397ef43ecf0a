"""The ticket wizard for a customer's contact: four steps, each saved, so that it survives anything."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.permissions import actor_of, role_required
from ground.refusals import Missing
from manufacturer.escrow.actions.identify import Finding, identify
from manufacturer.escrow.selectors import values_for
from manufacturer.registry.selectors import unit_for, units_for
from manufacturer.rma.actions.open_ticket import open_ticket
from manufacturer.rma.selectors import tickets_for
from portal.desk.forms import LossForm, StoryForm, ValueForm
from portal.desk.models import TicketDraft
from portal.desk.whose import OVER
from portal.shell.refused import attempt
from portal.shell.request import PageRequest

STEPS = (
    ("unit", "Which unit"),
    ("how", "How it ended"),
    ("value", "Hand in the value"),
    ("check", "Check and open"),
)
ROLES = ("contact", "clerk")


def _draft(request: PageRequest) -> TicketDraft:
    draft, _made = TicketDraft.objects.get_or_create(user_id=request.user.pk)
    return draft


def _reached(draft: TicketDraft) -> int:
    """The first step that still lacks something."""
    return 0 if draft.unit_id is None else 1 if not draft.ended else 2 if not draft.text else 3


def _steps(draft: TicketDraft, here: str) -> list[dict[str, Any]]:
    reached = _reached(draft)
    return [
        {
            "label": label,
            "done": place < reached,
            "here": name == here,
            "url": reverse("desk:ticket-step", args=[name]) if place <= reached and name != here else "",
        }
        for place, (name, label) in enumerate(STEPS)
    ]


@require_safe
@never_cache
@role_required(*ROLES)
def start(request: PageRequest) -> HttpResponse:
    """Goes on where the person left off."""
    return redirect("desk:ticket-step", step=STEPS[_reached(_draft(request))][0])


@require_POST
@role_required(*ROLES)
def discard(request: PageRequest) -> HttpResponse:
    TicketDraft.objects.filter(user_id=request.user.pk).delete()
    return redirect("desk:home")


@require_http_methods(["GET", "POST"])
@never_cache
@role_required(*ROLES)
def step(request: PageRequest, step: str) -> HttpResponse:
    names = [name for name, _label in STEPS]
    if step not in names:
        raise Http404
    draft = _draft(request)
    if names.index(step) > _reached(draft):
        return redirect("desk:ticket-new")
    return {"unit": _unit, "how": _how, "value": _value, "check": _check}[step](request, draft)


def _show(request: PageRequest, draft: TicketDraft, here: str, **context: Any) -> HttpResponse:
    unit = None
    if draft.unit_id:
        try:
            unit = unit_for(request.user, draft.unit_id)
        except Missing:  # it changed hands since; the draft starts over
            TicketDraft.objects.filter(pk=draft.pk).update(unit_id=None)
            return redirect("desk:ticket-new")
    context |= {"draft": draft, "unit": unit, "steps": _steps(draft, here), "here": here}
    status = int(context.pop("status", 200))
    return render(request, f"desk/wizard_{here}.html", context, status=status)


def _unit(request: PageRequest, draft: TicketDraft) -> HttpResponse:
    units = list(units_for(request.user).filter(appliance__isnull=False).exclude(state__in=["retired"])[:200])
    open_on = {
        ticket.source_unit_id: ticket for ticket in tickets_for(request.user).exclude(state__in=OVER)[:500]
    }
    form = LossForm(
        request.POST or None,
        units=[(str(unit.pk), unit.serial) for unit in units],
        initial={"unit": str(draft.unit_id or "")},
    )
    if request.method == "POST" and form.is_valid():
        draft.unit_id = unit_for(request.user, form.cleaned_data["unit"]).pk
        draft.save(update_fields=["unit_id", "changed_at"])
        return redirect("desk:ticket-step", step="how")
    rows = [{"unit": unit, "ticket": open_on.get(unit.pk)} for unit in units]
    may_go = any(row["ticket"] is None for row in rows)
    return _show(request, draft, "unit", form=form, rows=rows, may_go=may_go)


def _how(request: PageRequest, draft: TicketDraft) -> HttpResponse:
    form = StoryForm(request.POST or None, initial={"ended": draft.ended, "story": draft.story})
    if request.method == "POST" and form.is_valid():
        draft.ended, draft.story = form.cleaned_data["ended"], form.cleaned_data["story"]
        draft.save(update_fields=["ended", "story", "changed_at"])
        return redirect("desk:ticket-step", step="value")
    return _show(request, draft, "how", form=form)


def _value(request: PageRequest, draft: TicketDraft) -> HttpResponse:
    """Paste, a value file, or a backup image's header file: all are text and are read alike."""
    form = ValueForm(request.POST or None, initial={"text": draft.text})
    found: list[Finding] = []
    outcome = None
    if request.method == "POST" and form.is_valid():
        with attempt(request, tell=False) as outcome:
            found = identify(user=request.user, text=form.cleaned_data["text"])
        if outcome.ok and _is_ours(found):
            draft.text = form.cleaned_data["text"]
            draft.save(update_fields=["text", "changed_at"])
            return redirect("desk:ticket-step", step="check")
    return _show(
        request,
        draft,
        "value",
        form=form,
        found=found,
        outcome=outcome,
        lodged=values_for(request.user).filter(unit__pk=str(draft.unit_id)).order_by("-epoch")[:5],
        status=409 if outcome else 200,
    )


def _is_ours(found: list[Finding]) -> bool:
    """Something was found, nothing in it is damaged, and a value in it is one this person may see."""
    return any(finding.known for finding in found) and not any(finding.fault for finding in found)


def _check(request: PageRequest, draft: TicketDraft) -> HttpResponse:
    if request.method == "POST":
        with attempt(request, "Your ticket is open. This page follows it.", tell=False) as outcome:
            ticket = open_ticket(
                actor=actor_of(request),
                user=request.user,
                text=draft.text,
                reason=draft.story,
                ended=draft.ended,
                unit=unit_for(request.user, str(draft.unit_id)),
            )
            TicketDraft.objects.filter(pk=draft.pk).delete()
            return redirect("desk:ticket", ticket_id=ticket.pk)
        return _show(request, draft, "check", found=None, outcome=outcome, status=409)
    found = None
    with attempt(request):
        found = identify(user=request.user, text=draft.text)
    return _show(request, draft, "check", found=found)
