"""Error pages: what happened, what to do next, and the id under which the event log has it."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

STATUS_WORDS = {
    400: ("The address or the form could not be read.", "Go back, load the page anew and send it again."),
    403: (
        "This form is not accepted.",
        "Its sign-in or its token is out of date. Load the page anew, sign in if asked, and send it again.",
    ),
    404: (
        "There is no such page here.",
        "It may be gone, or it may not be yours to see: the two look the same on purpose.",
    ),
    500: (
        "Something failed on our side.",
        "Nothing was reported as done. Try again; if it stays so, give the id below to who runs this site.",
    ),
}


def problem(request: HttpRequest, status: int, **members: Any) -> HttpResponse:
    """A problem page; `members` are title, next_step, code, facts and event_id."""
    title, next_step = STATUS_WORDS.get(status, ("This was refused.", ""))
    context = {"title": title, "next_step": next_step, "status": status, **members}
    template = "problem_fragment.html" if request.headers.get("HX-Request") else "problem.html"
    return render(request, template, context, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  # Django's signature
    return problem(request, 400, code="portal.bad-request")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  # Django's signature
    return problem(request, 403, code="portal.forbidden")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001  # Django's signature
    return problem(request, 403, code="portal.form-out-of-date")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  # Django's signature
    return problem(request, 404, code="portal.missing")


def server_error(request: HttpRequest) -> HttpResponse:
    """Needs no database: the frame is left out, and the id also goes into the process's log."""
    import logging

    event_id = uuid.uuid4().hex
    logging.getLogger("portal").error("unhandled error shown as %s at %s", event_id, request.path)
    return render(
        request,
        "problem_plain.html",
        {
            "title": STATUS_WORDS[500][0],
            "next_step": STATUS_WORDS[500][1],
            "code": "portal.failed",
            "event_id": event_id,
            "status": 500,
        },
        status=500,
    )
