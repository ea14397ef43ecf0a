"""What custody did, as it signed it: ledger, drills, authority keys. Nothing here can ask it for anything."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.permissions import role_required
from manufacturer.escrow.selectors import drills_for, ledger_for, ledger_state
from manufacturer.registry.trust import authority_keys, trust_bundle
from portal.desk.openings import numbers_in
from portal.desk.side import STAFF
from portal.shell.request import PageRequest
from portal.shell.states import LOOKS
from portal.shell.tables import Table


@require_safe
@login_required
def ledger(request: PageRequest) -> HttpResponse:
    table = Table(
        request,
        ledger_for(request.user).select_related("customer"),
        sorts={"number": "sequence", "kind": "kind", "made": "made_at"},
        default="-number",
        search=("subject", "kind", "customer__name"),
        choices={
            "kind": ("kind", [(kind, shown.word) for kind, shown in LOOKS["opening"].items()]),
            "phase": ("phase", [("intent", "Intent"), ("result", "Result")]),
        },
    )
    return render(
        request,
        "desk/ledger.html",
        {"table": table, "state": ledger_state(), "tickets": numbers_in(request.user, table.rows)},
    )


@require_safe
@role_required(*STAFF)
def drills(request: PageRequest) -> HttpResponse:
    table = Table(
        request,
        drills_for(request.user).select_related("unit", "customer"),
        sorts={"unit": "unit__serial", "state": "state", "asked": "created_at"},
        default="-asked",
        search=("unit__serial", "customer__name", "value_digest"),
        choices={"state": ("state", [("waiting", "Waiting"), ("proven", "Proven"), ("refused", "Refused")])},
    )
    return render(request, "desk/drills.html", {"table": table})


@require_safe
@role_required(*STAFF)
def authority(request: PageRequest) -> HttpResponse:
    trust = trust_bundle()
    keys = authority_keys() if trust else []
    return render(
        request, "desk/authority.html", {"keys": keys, "trust": trust, "listed": keys[0] if keys else None}
    )
