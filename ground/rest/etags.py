"""ETags where two people may edit the same thing: change only what you have seen."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from rest_framework.request import Request
from rest_framework.response import Response

from ground.refusals import Refusal, Stale


class PreconditionMissing(Refusal):
    """An edit without If-Match, where it is asked for."""

    code = "ground.precondition-missing"
    kind = "stale"
    title = "Say which version you are changing."
    next_step = "Read it first and send its ETag as If-Match."


def etag_of(data: Any) -> str:
    """A strong ETag of a representation: its canonical JSON's digest."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), cls=DjangoJSONEncoder)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def with_etag(response: Response) -> Response:
    """The response with its ETag."""
    response["ETag"] = etag_of(response.data)
    return response


def require_match(request: Request, data: Any) -> None:
    """Refuse unless If-Match names the ETag of `data`, the representation as it is now (or ``*``)."""
    given = request.headers.get("If-Match")
    if given is None:
        raise PreconditionMissing()
    now = etag_of(data)
    if given.strip() != "*" and now not in [tag.strip() for tag in given.split(",")]:
        raise Stale(etag=now)
