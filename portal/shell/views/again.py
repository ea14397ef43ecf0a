"""A fresh sign-in in the middle of something: the password once more, then what was asked for goes on.

What was being sent travels through this page as hidden fields of the person's own form and is handed to
the same view afterwards; nothing of it is kept here.
"""

from __future__ import annotations

import time
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts.permissions import SIGNED_IN_AT, user_of
from accounts.sign_in import check_credentials
from ground.refusals import Refusal

PREFIX = "kept:"
OURS = ("shell", "unit", "desk")


def ask_again(request: HttpRequest, refusal: Refusal | None = None, **kept: Any) -> HttpResponse:
    """The page that asks for the password, keeping what was being done."""
    fields = kept.get("fields")
    if fields is None:
        fields = [
            (f"{PREFIX}{name}", value)
            for name, values in request.POST.lists()
            if name != "csrfmiddlewaretoken"
            for value in values
        ]
    context = {
        "action": reverse("shell:again"),
        "path": kept.get("path", request.get_full_path()),
        "method": kept.get("method", request.method),
        "fields": fields,
        "refusal": refusal,
    }
    return render(request, "shell/again.html", context, status=401)


@require_POST
@never_cache
@login_required
def again(request: HttpRequest) -> HttpResponse:
    """Check the password, then go on with what was kept, as the same person and by the same view."""
    path, method = request.POST.get("path", "/"), request.POST.get("method", "GET")
    fields = [
        (name, value) for name, values in request.POST.lists() if name.startswith(PREFIX) for value in values
    ]
    try:
        match = resolve(path.partition("?")[0])
    except Resolver404:
        raise Http404 from None
    if match.namespace not in OURS or match.view_name == "shell:again":
        raise Http404
    try:
        found = check_credentials(
            request, username=user_of(request).username, password=request.POST.get("password", "")
        )
    except Refusal as refusal:
        return ask_again(request, refusal, path=path, method=method, fields=fields)
    if found.pk != user_of(request).pk:
        raise Http404
    request.session.cycle_key()
    request.session[SIGNED_IN_AT] = time.time()
    if method != "POST":
        return redirect(path)
    data = QueryDict(mutable=True)
    for name, value in fields:
        data.appendlist(name.removeprefix(PREFIX), value)
    request.POST = data  # type: ignore[assignment]  # the kept form takes this form's place
    request.path = request.path_info = path.partition("?")[0]
    request.GET = QueryDict(path.partition("?")[2])
    request.resolver_match = match
    response: HttpResponse = match.func(request, *match.args, **match.kwargs)
    return response
