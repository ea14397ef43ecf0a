"""Notices: the list behind the bell, and the channels they go out by."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.permissions import actor_of, require_fresh, role_required
from appliance.notices import selectors
from appliance.notices.actions import (
    add_channel,
    edit_channel,
    mark_all_read,
    mark_read,
    remove_channel,
    renew_secret,
    send_test,
)
from portal.shell.refused import attempt
from portal.shell.request import PageRequest
from portal.shell.states import LOOKS
from portal.shell.tables import Table
from portal.unit.notice_forms import ChannelForm
from portal.unit.side import READERS

EVENTS = [(name, shown.word) for name, shown in LOOKS["notice"].items()]


@require_safe
@never_cache
@role_required(*READERS)
def notices(request: PageRequest) -> HttpResponse:
    table = Table(
        request,
        selectors.notices_for(request.user),
        sorts={"raised": "raised_at", "last": "last_at"},
        default="-raised",
        search=("subject", "consequence"),
        choices={"event": ("event", EVENTS)},
    )
    context = {
        "table": table,
        "unread": selectors.unread_count(request.user),
        "channels": selectors.channels().count(),
    }
    return render(request, "unit/notices.html", context)


@require_POST
@role_required(*READERS)
def read(request: PageRequest, notice_id: uuid.UUID) -> HttpResponse:
    mark_read(selectors.notice(notice_id), user=request.user)
    return redirect("unit:notices")


@require_POST
@role_required(*READERS)
def read_all(request: PageRequest) -> HttpResponse:
    mark_all_read(user=request.user)
    return redirect("unit:notices")


@require_http_methods(["GET", "POST"])
@never_cache
@role_required(*READERS)
def channels(request: PageRequest) -> HttpResponse:
    may_act = request.user.has_role("admin")
    acts = may_act and request.method == "POST"
    form = ChannelForm(request.POST if acts else None)
    secret = ""
    if acts and form.is_valid():
        with attempt(request, f"{form.cleaned_data['name']} is added; try it.") as outcome:
            _made, secret = add_channel(actor=actor_of(request), **form.arguments())
        if outcome.ok and not secret:
            return redirect("unit:channels")
        if outcome.ok:
            form = ChannelForm()
    return _channels(request, form, secret)


def _channels(request: PageRequest, form: ChannelForm, secret: str = "") -> HttpResponse:
    rows: list[dict[str, Any]] = [
        {"channel": row, "last": selectors.deliveries(channel=row).first()} for row in selectors.channels()
    ]
    may_act = request.user.has_role("admin")
    context = {"rows": rows, "form": form, "secret": secret, "may_act": may_act}
    return render(request, "unit/channels.html", context)


@require_POST
@role_required("admin")
def test(request: PageRequest, channel_id: uuid.UUID) -> HttpResponse:
    found = selectors.channel(channel_id)
    with attempt(request, f"A test is on its way over {found.name}."):
        send_test(found, actor=actor_of(request))
    return redirect("unit:channels")


@require_POST
@role_required("admin")
def switch(request: PageRequest, channel_id: uuid.UUID) -> HttpResponse:
    found = selectors.channel(channel_id)
    on = request.POST.get("on") == "yes"
    with attempt(request, f"{found.name} is {'on' if on else 'silent'}."):
        edit_channel(found, actor=actor_of(request), enabled=on)
    return redirect("unit:channels")


@require_POST
@never_cache
@role_required("admin")
def secret(request: PageRequest, channel_id: uuid.UUID) -> HttpResponse:
    """A new secret, shown in this one answer."""
    require_fresh(request)
    found = selectors.channel(channel_id)
    with attempt(request):
        return _channels(request, ChannelForm(), renew_secret(found, actor=actor_of(request)))
    return redirect("unit:channels")


@require_POST
@role_required("admin")
def remove(request: PageRequest, channel_id: uuid.UUID) -> HttpResponse:
    found = selectors.channel(channel_id)
    with attempt(request, f"{found.name} is removed; the notices stay."):
        remove_channel(found, actor=actor_of(request))
    return redirect("unit:channels")
