"""One watcher for each web process: looks for changed job rows and tells every open event stream.

However many browsers are open, the database is asked twice a second by one thread, only while somebody
listens, and the connection is closed after each look (an open one would hold the writers' gate).
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import threading
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, connections
from django.utils import timezone

from ground.refusals import Refusal
from jobs.models import Job

log = logging.getLogger(__name__)
LOOK_EVERY = 0.5  # seconds
OVERLAP = dt.timedelta(seconds=3)  # clocks of workers differ a little; a change is told once by its version
QUEUE_SIZE = 200  # changes a stalled client may be behind before it is told to reload


@dataclass(frozen=True)
class Change:
    """Job `id` is now at `version`; who may know is decided by the stream."""

    id: str
    kind: str
    state: str
    version: int
    actor_kind: str
    actor_id: str

    def public(self) -> dict[str, Any]:
        return {"id": self.id, "kind": self.kind, "state": self.state, "version": self.version}


class Subscription:
    """One open stream's queue; filled from the watcher's thread, read in the server's event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._queue: asyncio.Queue[Change | None] = asyncio.Queue(QUEUE_SIZE)

    def offer(self, change: Change) -> None:
        self._loop.call_soon_threadsafe(self._put, change)

    def _put(self, change: Change) -> None:
        if self._queue.full():
            # The client reads too slowly: drop what it missed and tell it to load everything anew.
            while not self._queue.empty():
                self._queue.get_nowait()
            self._queue.put_nowait(None)
            return
        self._queue.put_nowait(change)

    async def next(self, timeout: float) -> Change | None:
        """The next change; None means "you missed some". TimeoutError after `timeout` seconds."""
        return await asyncio.wait_for(self._queue.get(), timeout)


class Watcher:
    """Starts its thread with the first subscription, ends it with the last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscriptions: set[Subscription] = set()
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()

    def subscribe(self, subscription: Subscription) -> None:
        with self._lock:
            self._subscriptions.add(subscription)
            if self._thread is None:
                self._wake.clear()
                self._thread = threading.Thread(target=self._run, name="job-watcher", daemon=True)
                self._thread.start()

    def unsubscribe(self, subscription: Subscription) -> None:
        with self._lock:
            self._subscriptions.discard(subscription)
            if not self._subscriptions:
                self._wake.set()

    def _run(self) -> None:
        since = timezone.now()
        told: dict[str, int] = {}
        while True:
            looked_at = timezone.now()
            try:
                told = self._look(since - OVERLAP, told)
                since = looked_at
            except (DatabaseError, Refusal):
                log.warning("the watcher could not look; it looks again", exc_info=True)
            finally:
                connections.close_all()
            self._wake.wait(LOOK_EVERY)
            with self._lock:
                if not self._subscriptions:
                    self._thread = None
                    return
                self._wake.clear()

    def _look(self, since: dt.datetime, told: dict[str, int]) -> dict[str, int]:
        seen: dict[str, int] = {}
        rows = Job.objects.filter(changed_at__gte=since).order_by("changed_at")
        for row in rows.values_list("id", "kind", "state", "version", "actor_kind", "actor_id"):
            change = Change(str(row[0]), *row[1:])
            seen[change.id] = change.version
            if told.get(change.id) != change.version:
                with self._lock:
                    listeners = list(self._subscriptions)
                for subscription in listeners:
                    subscription.offer(change)
        return seen


watcher = Watcher()
