"""A refusal raised below a page becomes a problem page, with the id the event log keeps it under."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from accounts.errors import FreshSignInNeeded
from ground.refusals import Forbidden, Refusal
from portal.shell.errors import problem
from portal.shell.refused import note_refusal, status_of
from portal.shell.views.again import ask_again


class RefusalMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Refusal) or request.path.startswith("/api/"):
            return None
        if isinstance(exception, FreshSignInNeeded):
            return ask_again(request)
        if exception.kind == "missing" or isinstance(exception, Forbidden):
            # What a person may not see does not exist for them.
            return problem(request, 404, code="portal.missing")
        return problem(
            request,
            status_of(exception),
            title=exception.title,
            next_step=exception.next_step,
            code=exception.code,
            facts=exception.facts,
            event_id=note_refusal(request, exception),
        )
