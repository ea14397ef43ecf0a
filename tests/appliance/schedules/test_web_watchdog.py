"""The watchdog beside the web process's answers: it needs no worker, and ends with its server."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from appliance.notices.models import Notice
from appliance.schedules import watchdog
from appliance.schedules.actions import add_schedule
from appliance.schedules.models import BackupSchedule
from appliance.schedules.watchdog import Watchdog
from audit.actor import Actor
from config.asgi import Lifespan
from jobs.models import Job
from tests.support.broker import wait_until
from tests.support.small_unit import make_target, make_unit

pytestmark = pytest.mark.django_db(transaction=True)
ADA = Actor("user", "1", "ada")


async def speak(app: Any, *messages: str) -> list[str]:
    """What a server says at its start and its end, and what it is answered."""
    told, answered = list(messages), []

    async def receive() -> dict[str, str]:
        return {"type": told.pop(0)}

    async def send(message: dict[str, str]) -> None:
        answered.append(message["type"])

    await app({"type": "lifespan"}, receive, send)
    return answered


async def nothing(*_: object) -> None:
    """The application behind, which is not asked."""


def notices() -> int:
    connection.close()
    return Notice.objects.filter(event="missed").count()


def test_it_tells_of_a_missed_run_while_no_worker_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    make_unit()
    rule = {"every": "hour", "minute": 0}
    add_schedule(actor=ADA, name="hourly", target=make_target(), rule=rule, zone="UTC")
    BackupSchedule.objects.update(since=timezone.now() - dt.timedelta(days=1))
    monkeypatch.setattr(watchdog, "LOOK_EVERY", 0.02)
    dog = Watchdog()
    dog.start()
    try:
        wait_until(lambda: notices() == 1, "the missed run was told of", 20)
    finally:
        dog.stop()
    assert not dog.is_alive()
    assert not Job.objects.exists()
    assert Notice.objects.get().count == 1


def test_a_look_that_fails_does_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def look() -> None:
        seen.append(1)
        raise RuntimeError("a mistake")

    monkeypatch.setattr(watchdog, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(watchdog, "look", look)
    dog = Watchdog()
    dog.start()
    try:
        wait_until(lambda: len(seen) > 2, "it looked again", 20)
        assert dog.is_alive()
    finally:
        dog.stop()


def test_it_begins_and_ends_with_the_server() -> None:
    dog = Watchdog()
    app = Lifespan(nothing, [dog])
    assert asyncio.run(speak(app, "lifespan.startup", "lifespan.shutdown")) == [
        *["lifespan.startup.complete", "lifespan.shutdown.complete"],
    ]
    assert not dog.is_alive()
