"""``Idempotency-Key``: a POST that starts work may be sent again without starting it again.

The answer of the first request is kept for a day and given again to the same person, call and key. The
same key with another body is refused; so is a second request while the first is still at work. A refusal
or fault is not kept: nothing was started, so the key may be used again.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import json
from collections.abc import Callable
from typing import Any, TypeVar, cast

from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from ground.models import IdempotentAnswer
from ground.refusals import Refusal

KEEP = dt.timedelta(hours=24)
ABANDONED = dt.timedelta(minutes=5)  # a first request that never answered: its process was killed
MAX_KEY = 200
HEADER = "Idempotency-Key"

View = TypeVar("View", bound=Callable[..., Response])


class KeyReused(Refusal):
    """The key was used for another body."""

    code = "ground.idempotency-key-reused"
    title = "This Idempotency-Key was used for another request."
    next_step = "Use a fresh key for a different request."


class StillAtWork(Refusal):
    """The first request with this key has not answered yet."""

    code = "ground.idempotency-in-progress"
    kind = "conflict"
    title = "The first request with this Idempotency-Key is still being worked on."
    next_step = "Wait for its answer, then ask again."


class KeyInvalid(Refusal):
    """The key is empty or too long."""

    code = "ground.idempotency-key-invalid"
    title = "The Idempotency-Key is empty or longer than 200 characters."
    next_step = "Send a UUID."


def idempotent(view: View) -> View:
    """Decorate a REST view method ``(self, request, …)``; without the header it changes nothing."""

    @functools.wraps(view)
    def wrapped(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get(HEADER)
        if key is None:
            return view(self, request, *args, **kwargs)
        if not key.strip() or len(key) > MAX_KEY:
            raise KeyInvalid()
        answer, given = _claim(request, key)
        if given is not None:
            return given
        try:
            response = view(self, request, *args, **kwargs)
        except BaseException:
            IdempotentAnswer.objects.filter(pk=answer.pk).delete()
            raise
        body = json.loads(json.dumps(response.data, default=str))
        IdempotentAnswer.objects.filter(pk=answer.pk).update(
            status=response.status_code, body=body, location=response.headers.get("Location", "")
        )
        return response

    return cast(View, wrapped)


def _claim(request: Request, key: str) -> tuple[IdempotentAnswer, Response | None]:
    now = timezone.now()
    IdempotentAnswer.objects.filter(created_at__lt=now - KEEP).delete()
    IdempotentAnswer.objects.filter(status=None, created_at__lt=now - ABANDONED).delete()
    mark = {
        "caller": str(request.user.pk or ""),
        "call": f"{request.method} {request.path}"[:300],
        "key": key,
    }
    fingerprint = hashlib.sha256(
        json.dumps(request.data, sort_keys=True, separators=(",", ":"), default=str).encode()
    ).hexdigest()
    try:
        with transaction.atomic():
            return IdempotentAnswer.objects.create(**mark, fingerprint=fingerprint), None
    except IntegrityError:
        first = IdempotentAnswer.objects.filter(**mark).first()
    if first is None or first.status is None:
        raise StillAtWork()
    if first.fingerprint != fingerprint:
        raise KeyReused()
    headers = {"Location": first.location} if first.location else {}
    return first, Response(first.body, status=first.status, headers={**headers, "Idempotent-Replay": "true"})
