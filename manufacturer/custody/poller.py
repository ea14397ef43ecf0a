"""Custody's only way out: it pulls requests over HTTP, hands their ids to its own queue, and posts answers.

There is no inbound port. What is pulled is stored and believed by nobody until the engine has judged it; the
bearer token only keeps strangers from emptying the queue.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx
from django.db import close_old_connections, transaction
from django.utils import timezone

from manufacturer.custody.engine.ledger import take_countersignatures, unposted
from manufacturer.custody.models import Request

log = logging.getLogger("custody.poller")
logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for each pull would drown the log

INTERVAL = 0.5  # seconds between pulls while there is work or was lately
IDLE_INTERVAL = 2.0  # seconds when nothing came for a while
IDLE_AFTER = 20  # empty pulls
RESEND_INTERVAL = 30.0  # seconds; a request delivered twice is judged once
MAX_BODY = 4 << 20  # bytes of one answer of the desk
MAX_REQUESTS = 50  # taken in one pull
LEDGER_BATCH = 100


class Desk:
    """The three calls custody makes."""

    def __init__(self, url: str, token: str, *, transport: httpx.BaseTransport | None = None) -> None:
        self._client = httpx.Client(
            base_url=url.rstrip("/") + "/api/v1/",
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
            follow_redirects=False,
            transport=transport,
            trust_env=False,
        )

    def waiting(self) -> list[dict[str, Any]]:
        """Requests the desk says are waiting; anything that is not a list of objects counts as none."""
        with self._client.stream("GET", "custody/requests", params={"state": "waiting"}) as answer:
            answer.raise_for_status()
            body = bytearray()
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > MAX_BODY:
                    raise httpx.DecodingError("the desk's answer is too large")
        found = httpx.Response(200, content=bytes(body)).json()
        rows = found if isinstance(found, list) else []
        return [row for row in rows if isinstance(row, dict)][:MAX_REQUESTS]

    def reply(self, request_id: str, reply: dict[str, Any]) -> None:
        self._client.post(f"custody/requests/{request_id}/reply", json=reply).raise_for_status()

    def post_ledger(self, entries: list[str]) -> dict[str, str]:
        answer = self._client.post("custody/ledger", json={"entries": entries})
        answer.raise_for_status()
        signed = answer.json().get("countersignatures", {})
        return {str(k): str(v) for k, v in signed.items()} if isinstance(signed, dict) else {}

    def close(self) -> None:
        self._client.close()


def pull_once(desk: Desk, submit: Callable[[str], None]) -> int:
    """One round: mirror the ledger, post what is answered, take what waits. How many requests were new.

    The ledger goes first: its owner can see an opening no later than the desk has what came of it.
    """
    mirror(desk)
    post_answers(desk)
    fresh = 0
    for row in desk.waiting():
        if take(row):
            fresh += 1
            submit(str(row["id"]))
    return fresh


def take(row: dict[str, Any]) -> bool:
    """Store one pulled request under the desk's id; False when it was here before or is no request."""
    kind, documents = row.get("kind"), row.get("documents")
    if kind not in ("recover", "drill", "void", "withdraw") or not isinstance(documents, dict):
        return False
    try:
        request_id = uuid.UUID(str(row.get("id")))
    except ValueError:
        return False
    with transaction.atomic():
        _, made = Request.objects.get_or_create(
            id=request_id, defaults={"kind": kind, "documents": documents}
        )
    if not made:
        # The desk shows it as waiting though it was answered: it lost our answer. Post the same one again.
        Request.objects.filter(id=request_id, state=Request.State.ANSWERED).update(posted_at=None)
    return made


def post_answers(desk: Desk) -> None:
    """Post every stored answer that the desk has not confirmed yet."""
    for request in Request.objects.filter(state=Request.State.ANSWERED, posted_at__isnull=True):
        try:
            desk.reply(str(request.id), request.reply or {})
        except httpx.HTTPStatusError as error:
            if error.response.status_code not in (400, 404, 409, 422):
                raise
            # The desk does not want this answer (any more); it stays in our store.
            log.warning("the desk refused the answer to %s: %s", request.id, error.response.status_code)
        Request.objects.filter(pk=request.pk).update(posted_at=timezone.now())


def mirror(desk: Desk) -> None:
    """Hand over ledger entries that are not countersigned yet, in order."""
    entries = unposted(LEDGER_BATCH)
    if entries:
        take_countersignatures(desk.post_ledger(entries))


def unfinished() -> list[str]:
    """Requests stored but not answered: resent at start and now and then, as the queue may have lost them."""
    return [
        str(pk) for pk in Request.objects.exclude(state=Request.State.ANSWERED).values_list("pk", flat=True)
    ]


class Poller(threading.Thread):
    """Pulls until told to stop. Errors are logged and waited out; nothing that the desk says ends it."""

    def __init__(
        self, desk: Desk, submit: Callable[[str], None], *, is_ready: Callable[[], bool] = lambda: True
    ) -> None:
        super().__init__(name="custody-poller", daemon=True)
        self._desk = desk
        self._submit = submit
        self._is_ready = is_ready
        self._stopping = threading.Event()

    def run(self) -> None:
        resend_at, empty = 0.0, 0
        while not self._stopping.wait(INTERVAL if empty < IDLE_AFTER else IDLE_INTERVAL):
            if not self._is_ready():
                continue
            try:
                if time.monotonic() >= resend_at:
                    for request_id in unfinished():
                        self._submit(request_id)
                    resend_at = time.monotonic() + RESEND_INTERVAL
                empty = 0 if pull_once(self._desk, self._submit) else empty + 1
            except (httpx.HTTPError, ValueError) as error:
                empty += 1
                log.warning("the desk cannot be reached: %s", type(error).__name__)
            except Exception:
                empty += 1
                log.exception("a round of the poller failed")
            finally:
                close_old_connections()

    def stop(self) -> None:
        self._stopping.set()
        self.join(timeout=15)
        self._desk.close()
