"""The finder's page: what a pasted text is, what it says of itself, what here bears its name, what it opens.

A text comes by POST, so that no value ever stands in an address, a history or an access log.
"""

from __future__ import annotations

import re

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.permissions import role_required
from appliance.recovery.finder import Finding, find
from appliance.recovery.finder_rows import Hit
from ground.refusals import Refusal
from portal.shell.refused import attempt
from portal.shell.request import PageRequest
from portal.unit.forms import FindForm

ICONS = {
    "image": "archive", "target": "database", "key": "key", "value": "file-text", "drill": "test-pipe",
    "transfer": "package", "virtual-image": "photo", "job": "activity", "event": "list-details",
    "unit": "server", "authority-key": "certificate", "restore": "restore",
}  # fmt: skip
BY_ID = {
    "image": "unit:backup", "target": "unit:target", "key": "unit:key", "virtual-image": "unit:image",
    "job": "shell:job", "event": "shell:event",
}  # fmt: skip
PLACES = {
    "transfer": "unit:recover", "unit": "unit:settings", "authority-key": "unit:settings",
    "restore": "unit:recover",
}  # fmt: skip
_KEY = re.compile(r"/api/v1/keys/([0-9a-f]{1,64})(?:/|\Z)")


@require_http_methods(["GET", "POST"])
@never_cache
@role_required()
def finder(request: PageRequest) -> HttpResponse:
    form = FindForm(request.POST if request.method == "POST" else None)
    found: Finding | None = None
    refusal: Refusal | None = None
    event_id = ""
    if request.method == "POST" and form.is_valid():
        with attempt(request, tell=False) as outcome:
            found = find(form.cleaned_data["text"], user=request.user)
        refusal, event_id = outcome.refusal, outcome.event_id
    return render(
        request,
        "unit/finder.html",
        {
            "form": form,
            "found": found,
            "hits": [_shown(hit) for hit in found.hits] if found else [],
            "opens": [_shown(hit) for hit in found.opens] if found else [],
            "refusal": refusal,
            "event_id": event_id,
        },
    )


def _shown(hit: Hit) -> dict[str, object]:
    return {"hit": hit, "icon": ICONS.get(hit.kind, "circle-dot"), "url": _page_of(hit)}


def _page_of(hit: Hit) -> str:
    """The page of a hit; empty where it has none of its own."""
    if hit.kind in BY_ID:
        return reverse(BY_ID[hit.kind], args=[hit.id])
    if hit.kind in PLACES:
        return reverse(PLACES[hit.kind])
    # Values and drills are looked after on the page of their key, which their REST address names.
    of_key = _KEY.match(hit.api)
    return reverse("unit:key", args=[of_key.group(1)]) if of_key else ""
