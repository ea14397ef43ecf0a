"""Custody's worker: one task by id, on its own broker; beside it the poller and the unlock socket.

The worker runs with a thread pool: the keys are in this process and nowhere else, so a child process would
not have them. Requests are judged one at a time whatever the pool's size.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import Any

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down

from config.site import site
from ground.refusals import Refusal
from manufacturer.custody.engine.handle import handle_request
from manufacturer.custody.errors import CustodyLocked
from manufacturer.custody.keyholder import holder, try_passphrase_file
from manufacturer.custody.poller import Desk, Poller
from manufacturer.custody.unlock import UnlockSocket

log = logging.getLogger("custody")
_running: list[Any] = []
_one_at_a_time = threading.Lock()


@shared_task(name="custody.handle")
def handle(request_id: str) -> str:
    """Judge one stored request. The row is the truth; a message delivered twice changes nothing."""
    with _one_at_a_time:
        return handle_request(request_id, holder())


def submit(request_id: str) -> None:
    handle.apply_async(args=[request_id], queue="custody")


@worker_ready.connect
def start(**_: object) -> None:
    """Unlock from a file or credential if there is one, else wait for a person; then pull."""
    try:
        unlocked = try_passphrase_file()
    except Refusal as refusal:
        log.error("%s", refusal)
        unlocked = False
    if not unlocked:
        log.warning("custody is locked: run `manage.py custody_unlock`")
    unlock = UnlockSocket(site().run / "unlock.sock")
    unlock.start()
    token = (site().secrets / "custody.token").read_text().strip()
    poller = Poller(Desk(os.environ["STRONGROOM_DESK_URL"], token), submit, is_ready=_is_unlocked)
    poller.start()
    _running.extend([unlock, poller])


@worker_shutting_down.connect
def stop(**_: object) -> None:
    while _running:
        _running.pop().stop()


def _is_unlocked() -> bool:
    try:
        holder()
    except CustodyLocked:
        return False
    return True
