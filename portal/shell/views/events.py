"""The event log: read, filter, look at one."""

from __future__ import annotations

import uuid

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.permissions import role_required
from audit import selectors
from audit.log import head
from portal.shell.request import PageRequest
from portal.shell.tables import Table

READERS = ("admin", "auditor", "clerk", "custodian", "approver")
OUTCOMES = [("done", "Done"), ("intent", "Intent"), ("refused", "Refused")]
KINDS = [("user", "Person"), ("unit", "Unit"), ("system", "System"), ("command", "Command")]


@require_safe
@role_required(*READERS)
def events(request: PageRequest) -> HttpResponse:
    table = Table(
        request,
        selectors.events(),
        sorts={"at": "at", "action": "action", "who": "actor_name"},
        default="-at",
        search=("action", "subject", "actor_name", "facts_json"),
        choices={"outcome": ("outcome", OUTCOMES), "by": ("actor_kind", KINDS)},
    )
    return render(request, "shell/events.html", {"table": table, "head": head()})


@require_safe
@role_required(*READERS)
def event(request: PageRequest, event_id: uuid.UUID) -> HttpResponse:
    return render(request, "shell/event.html", {"event": get_object_or_404(selectors.events(), pk=event_id)})
