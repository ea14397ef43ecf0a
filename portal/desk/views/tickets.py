"""Tickets: the list, one ticket with the moves this person has now, approving in the browser."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.permissions import actor_of, require_fresh, role_required
from manufacturer.rma.actions.accept_ticket import accept_ticket
from manufacturer.rma.actions.add_approval import add_approval
from manufacturer.rma.actions.cancel_ticket import cancel_ticket
from manufacturer.rma.actions.close_ticket import close_ticket
from manufacturer.rma.actions.confirm_receipt import confirm_receipt, send_new_code
from manufacturer.rma.actions.edit_ticket import edit_ticket
from manufacturer.rma.actions.refuse_ticket import refuse_ticket
from manufacturer.rma.actions.reissue_ticket import reissue_ticket
from manufacturer.rma.actions.reserve_replacement import reserve_replacement
from manufacturer.rma.actions.ship_ticket import ship_ticket
from manufacturer.rma.selectors import (
    approval_material,
    approvals_needed,
    closeout_of,
    moves_of,
    open_attempt,
    replacements_for,
    ticket_for,
    tickets_for,
    timeline_of,
    waiting_request,
)
from portal.desk.forms import (
    ApprovalForm,
    EditForm,
    OptionalReasonForm,
    ReasonForm,
    ReissueForm,
    ReserveForm,
    ShipForm,
)
from portal.desk.whose import OVER, STAGES, is_for, stages_of, turn_of
from portal.shell.refused import attempt
from portal.shell.request import PageRequest
from portal.shell.states import look
from portal.shell.tables import Table

if TYPE_CHECKING:
    from manufacturer.rma.models import Ticket

STATES = [*STAGES, ("refused", "Refused"), ("cancelled", "Cancelled")]
FORMS: dict[str, type[forms.Form]] = {
    "refuse": ReasonForm,
    "cancel": OptionalReasonForm,
    "edit": EditForm,
    "request": ReserveForm,
    "shipment": ShipForm,
    "reissue": ReissueForm,
}
# Moves that release, end or void something ask for a fresh sign-in.
FRESH = ("receipt", "reissue", "close", "code")
# Who may make a move at all; for anybody else it does not exist. Whether it is its turn the action decides.
MOVERS = {
    **dict.fromkeys(("accept", "refuse", "edit", "request", "shipment", "reissue", "close"), ("clerk",)),
    **dict.fromkeys(("cancel", "receipt", "code"), ("clerk", "contact")),
}
TOLD = {
    "accept": "The ticket is accepted. Reserve a replacement next.",
    "refuse": "The ticket is refused; the customer is told why.",
    "cancel": "The ticket is cancelled.",
    "edit": "The ticket is corrected; approvals given before are void.",
    "request": "The replacement is reserved and its transfer request stands in the ticket document.",
    "shipment": "Shipped. The customer confirms when it has arrived.",
    "receipt": "Thank you. A one-time code is on its way by mail; it is entered on the replacement unit.",
    "code": "A new code is on its way by mail; the one before no longer works.",
    "reissue": "The old transfer is void. Reserve a replacement for the new attempt.",
    "close": "The ticket is closed and the old unit's identity is revoked.",
}


@require_safe
@login_required
def tickets(request: PageRequest) -> HttpResponse:
    table = Table(
        request,
        tickets_for(request.user),
        sorts={
            "number": "number",
            "customer": "customer__name",
            "state": "state",
            "opened": "created_at",
            "moved": "changed_at",
        },
        default="-opened",
        search=("number", "customer__name", "appliance__name", "source_unit__serial"),
        choices={"state": ("state", STATES)},
    )
    turns = {ticket.pk: turn_of(ticket) for ticket in table.rows}
    return render(request, "desk/tickets.html", {"table": table, "turns": turns})


@require_safe
@never_cache
@login_required
def ticket(request: PageRequest, ticket_id: uuid.UUID) -> HttpResponse:
    return render(request, "desk/ticket.html", _context(request, ticket_for(request.user, ticket_id)))


def _context(request: PageRequest, found: Ticket, **extra: Any) -> dict[str, Any]:
    moves = {move.name: move for move in moves_of(found, request.user)}
    turn = turn_of(found)
    latest = open_attempt(found)
    return {
        "ticket": found,
        "turn": turn,
        "mine": is_for(turn, request.user),
        "stages": stages_of(found),
        "over": found.state in OVER,
        "moves": moves,
        "attempt": latest,
        "earlier": [
            row for row in found.attempts.select_related("unit") if latest is None or row.pk != latest.pk
        ],
        "approvals": list(latest.approvals.all()) if latest else [],
        "needed": approvals_needed(found),
        "values": list(found.values.all()),
        "closeout": closeout_of(found),
        "timeline": [
            {
                "title": entry.text,
                "at": entry.at,
                "who": entry.actor.partition(":")[2] or entry.actor,
                "tone": look("ticket", entry.state).tone,
                "icon": look("ticket", entry.state).icon,
            }
            for entry in reversed(timeline_of(found))
        ],
        "replacements": replacements_for(request.user, found) if "request" in moves else [],
        "ship_form": ShipForm(),
        "edit_form": EditForm(initial={"reason": found.reason, "contact_email": found.contact_email}),
        "reason_form": ReasonForm(),
        "reissue_form": ReissueForm(),
        **extra,
    }


@require_POST
@login_required
def move(request: PageRequest, ticket_id: uuid.UUID, name: str) -> HttpResponse:
    """One move of `moves_of`. What the person may not do does not exist; what is not its turn is refused."""
    found = ticket_for(request.user, ticket_id)
    if not request.user.has_role(*MOVERS.get(name, ())):
        raise Http404
    if name in FRESH:
        require_fresh(request)
    form = FORMS[name](request.POST) if name in FORMS else None
    if form is not None and not form.is_valid():
        return render(
            request, "desk/ticket.html", _context(request, found, bad_form=form, bad_move=name), status=400
        )
    with attempt(request, TOLD[name]):
        _do(request, name, found, form.cleaned_data if form else {})
    return redirect("desk:ticket", ticket_id=ticket_id)


def _do(request: PageRequest, name: str, found: Ticket, data: dict[str, Any]) -> None:
    actor = actor_of(request)
    match name:
        case "accept":
            accept_ticket(actor=actor, ticket=found)
        case "refuse":
            refuse_ticket(actor=actor, ticket=found, reason=data["reason"])
        case "cancel":
            cancel_ticket(actor=actor, ticket=found, reason=data["reason"])
        case "edit":
            edit_ticket(
                actor=actor,
                ticket=found,
                reason=data["reason"],
                contact_email=data["contact_email"] or None,
            )
        case "request":
            reserve_replacement(
                actor=actor,
                ticket=found,
                transfer_request=waiting_request(request.user, transfer_request=data["transfer_request"]),
            )
        case "shipment":
            ship_ticket(actor=actor, ticket=found, **data)
        case "receipt":
            confirm_receipt(actor=actor, ticket=found)
        case "code":
            send_new_code(actor=actor, ticket=found)
        case "reissue":
            reissue_ticket(actor=actor, ticket=found, reason=data["reason"], unit=data["unit"])
        case "close":
            close_ticket(actor=actor, ticket=found)


@require_http_methods(["GET", "POST"])
@never_cache
@role_required("approver")
def approve(request: PageRequest, ticket_id: uuid.UUID) -> HttpResponse:
    """Shows the exact document; takes a finished signature and nothing else.

    The digest is computed and the signature made in the browser (`static/js/approve.js`). A form field
    for the key or its passphrase does not exist on this page, so neither can be sent by mistake.
    """
    found = ticket_for(request.user, ticket_id)
    if request.method == "POST":
        require_fresh(request)
        form = ApprovalForm(request.POST)
        if form.is_valid():
            with attempt(request, "Your signature is on the ticket.") as outcome:
                add_approval(actor=actor_of(request), ticket=found, approval=form.cleaned_data["approval"])
            if outcome.ok:
                return redirect("desk:ticket", ticket_id=ticket_id)
    moves = {entry.name: entry for entry in moves_of(found, request.user)}
    material = approval_material(found) if found.state in ("accepted", "approved") else None
    return render(
        request,
        "desk/approve.html",
        {"ticket": found, "material": material, "move": moves.get("approvals"), "turn": turn_of(found)},
    )
