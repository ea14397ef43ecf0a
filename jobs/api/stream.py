"""``GET /api/v1/stream``: server-sent events, one stream for each browser.

Events: ``hello`` at the start, ``job`` with ``{"id", "kind", "state", "version"}`` at each change one may
see, ``reload`` if some were missed. Polling the list is the fallback. The stream ends after ten minutes;
the browser opens it again, and rights are looked at again.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator

from asgiref.sync import sync_to_async
from django.db import connections
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_GET
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.permissions import user_of
from ground.refusals import Refusal
from ground.rest.problems import problem_response, to_refusal
from jobs.selectors import SEE_ALL
from jobs.watch import Change, Subscription, watcher

LIFE = 600.0  # seconds
QUIET = 15.0  # seconds between comments that keep proxies from closing an idle stream


@require_GET
async def stream(request: HttpRequest) -> HttpResponseBase:
    """Refuses like every REST call; then streams."""
    try:
        person, sees_all = await sync_to_async(_who)(request)
    except Refusal as refusal:
        return problem_response(refusal, request)
    response = StreamingHttpResponse(_events(person, sees_all), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


def _who(request: HttpRequest) -> tuple[str, bool]:
    """The person's id and whether they see every job. Lets go of the database: the stream holds none."""
    try:
        asked = Request(request, authenticators=APIView().get_authenticators())
        user = user_of(asked)
        return str(user.pk), user.has_role(*SEE_ALL)
    except Refusal:
        raise
    except Exception as error:
        raise to_refusal(error) from error
    finally:
        connections.close_all()


async def _events(person: str, sees_all: bool) -> AsyncIterator[bytes]:
    subscription = Subscription(asyncio.get_running_loop())
    watcher.subscribe(subscription)
    ends = time.monotonic() + LIFE
    try:
        yield b"retry: 2000\nevent: hello\ndata: {}\n\n"
        while time.monotonic() < ends:
            try:
                change = await subscription.next(QUIET)
            except TimeoutError:
                yield b": quiet\n\n"
                continue
            if change is None:
                yield b"event: reload\ndata: {}\n\n"
            elif sees_all or _own(change, person):
                data = json.dumps(change.public(), separators=(",", ":"))
                yield f"event: job\ndata: {data}\n\n".encode()
    finally:
        watcher.unsubscribe(subscription)


def _own(change: Change, person: str) -> bool:
    return change.actor_kind == "user" and change.actor_id == person
