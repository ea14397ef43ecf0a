"""Problem details (RFC 9457): every refusal in one shape, its HTTP status from one table."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response

from ground.refusals import (
    Forbidden,
    Invalid,
    Limited,
    Missing,
    Refusal,
    Unauthenticated,
    Unavailable,
)
from ground.rest.media import PROBLEM_JSON

log = logging.getLogger(__name__)

# The one place where a refusal becomes an HTTP status.
STATUS: Mapping[str, int] = {
    "invalid": 422,
    "unauthenticated": 401,
    "forbidden": 403,
    "missing": 404,
    "conflict": 409,
    "stale": 412,
    "too-large": 413,
    "limited": 429,
    "unavailable": 503,
}


class MethodNotAllowed(Refusal):
    """The address is right, the method is not."""

    code = "ground.method-not-allowed"
    title = "This address does not take that method."
    next_step = "Look the call up in the API's description."


class NotAcceptable(Refusal):
    """No representation the client accepts."""

    code = "ground.not-acceptable"
    title = "Answers here are JSON."
    next_step = "Send Accept: application/json."


class UnsupportedMediaType(Refusal):
    """A body in a format that is not read here."""

    code = "ground.unsupported-media-type"
    title = "Bodies here are JSON."
    next_step = "Send Content-Type: application/json."


class Malformed(Refusal):
    """A body that is not the JSON it claims to be."""

    code = "ground.malformed"
    title = "The body could not be read."
    next_step = "Send one well-formed JSON document."


class InternalError(Refusal):
    """A fault of ours; the event id finds it in the log, nothing of it is shown."""

    code = "ground.internal-error"
    kind = "unavailable"
    title = "Something went wrong here."
    next_step = "Try again; if it stays so, give the event id to whoever runs this site."


# Statuses HTTP itself fixes, whatever the kind.
_FIXED_STATUS: Mapping[type[Refusal], int] = {
    MethodNotAllowed: 405,
    NotAcceptable: 406,
    UnsupportedMediaType: 415,
    Malformed: 400,
    InternalError: 500,
}


def status_of(refusal: Refusal) -> int:
    return _FIXED_STATUS.get(type(refusal)) or STATUS[refusal.kind]


def problem(refusal: Refusal, *, instance: str = "", event: str = "") -> dict[str, Any]:
    """The body of a refusal: type, title, status, code, facts, next step, and the event's id."""
    return {
        "type": f"urn:strongroom:problem:{refusal.code}",
        "title": refusal.title,
        "status": status_of(refusal),
        "detail": str(refusal),
        "instance": instance,
        "code": refusal.code,
        "facts": refusal.facts,
        "next_step": refusal.next_step,
        "event": event or str(uuid.uuid4()),
    }


def problem_response(refusal: Refusal, request: HttpRequest | None = None) -> JsonResponse:
    """A refusal as a plain Django answer: for middleware and views outside the REST framework."""
    body = problem(refusal, instance=request.path if request is not None else "")
    return JsonResponse(body, status=body["status"], content_type=PROBLEM_JSON, headers=_headers(refusal))


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Whatever a REST view raised, as problem details. A fault of ours is logged and told without detail."""
    request = context.get("request")
    refusal = to_refusal(error)
    body = problem(refusal, instance=getattr(request, "path", ""))
    if isinstance(refusal, InternalError):
        log.error("event %s: a REST view failed", body["event"], exc_info=error)
    else:
        log.info("event %s: refused %s %s", body["event"], refusal.code, body["instance"])
    headers = _headers(refusal)
    if isinstance(refusal, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    return Response(body, status=body["status"], headers=headers, content_type=PROBLEM_JSON)


def to_refusal(error: Exception) -> Refusal:
    """The refusal that stands for an exception of the framework; refusals pass unchanged."""
    match error:
        case Refusal():
            return error
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return Unauthenticated()
        case exceptions.PermissionDenied() | PermissionDenied():
            return Forbidden()
        case Http404() | exceptions.NotFound():
            return Missing()
        case exceptions.MethodNotAllowed():
            return MethodNotAllowed()
        case exceptions.NotAcceptable():
            return NotAcceptable()
        case exceptions.UnsupportedMediaType():
            return UnsupportedMediaType()
        case exceptions.ParseError():
            return Malformed()
        case exceptions.Throttled():
            return Limited(retry_after=int(getattr(error, "wait", None) or 60))
        case exceptions.ValidationError():
            return Invalid(fields=_plain(error.detail))
        case exceptions.APIException() if error.status_code == 503:
            return Unavailable()
        case _:
            return InternalError()


def _headers(refusal: Refusal) -> dict[str, str]:
    wait = refusal.facts.get("retry_after")
    return {"Retry-After": str(int(wait))} if isinstance(wait, int | float) else {}


def _plain(detail: Any) -> Any:
    if isinstance(detail, Mapping):
        return {str(name): _plain(value) for name, value in detail.items()}
    if isinstance(detail, list | tuple):
        return [_plain(value) for value in detail]
    return str(detail)
