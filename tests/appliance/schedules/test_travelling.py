"""Schedules and channels in a database stream: rules travel, what belongs to the old unit does not."""

from __future__ import annotations

import io

import pytest

from appliance.backup.engine.dump import dump_lines, read_snapshot
from appliance.keys.engine.secrets import Opener
from appliance.notices.actions import add_channel
from appliance.notices.actions.renew_secret import SECRET_FIELD
from appliance.notices.models import Notice, NoticeChannel, NoticeDelivery
from appliance.notices.raising import raise_notice
from appliance.recovery.engine.load import load_stream
from appliance.schedules.actions import add_schedule
from appliance.schedules.engine import due
from appliance.schedules.models import BackupSchedule, Occurrence
from audit.actor import Actor
from ground.db import generations
from tests.support.clock import Clock
from tests.support.small_unit import KeysOfTheUnit, make_key, make_target, make_unit

pytestmark = pytest.mark.django_db(transaction=True)
ADA = Actor("user", "1", "ada")


def test_rules_and_channels_travel_and_runs_and_notices_stay(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    opener = Opener(KeysOfTheUnit())  # type: ignore[arg-type]  # as much as is asked of it
    monkeypatch.setattr("appliance.backup.engine.dump.Opener", lambda: opener)
    make_unit()
    make_key()
    target = make_target()
    rule = {"every": "month", "nth": -1, "weekday": "sun", "at": "02:30"}
    add_schedule(actor=ADA, name="monthly", target=target, rule=rule, zone="Europe/Vienna")
    add_schedule(actor=ADA, name="hourly", target=target, rule={"every": "hour", "minute": 0}, zone="UTC")
    hook = {"url": "https://hooks.example.org/"}
    before, secret = add_channel(actor=ADA, name="hook", kind="webhook", settings=hook)
    raise_notice("failure", key="k", subject="A trouble of the old unit")
    clock.at("2027-06-01T13:00")
    due.look()
    assert Occurrence.objects.count() == 1
    with read_snapshot():
        stream = b"".join(dump_lines(serial="SR-A-0001"))

    generation = generations.new_generation()
    try:
        with generations.scratch(generation) as alias:
            load_stream(io.BytesIO(stream), alias, watch=lambda _: None)
            hourly, monthly = BackupSchedule.objects.using(alias).order_by("name")
            channel = NoticeChannel.objects.using(alias).get()
            here = [Occurrence, Notice, NoticeDelivery]
            counts = [model._default_manager.using(alias).count() for model in here]
    finally:
        generations.remove(generation)
    assert (monthly.rule, monthly.zone, monthly.enabled) == (rule, "Europe/Vienna", True)
    assert (monthly.target_id, monthly.next_due_at) == (None, None)
    assert hourly.repository_id == target.repository_id
    assert (channel.name, channel.settings) == ("hook", hook)
    assert channel.sealed_secret != before.sealed_secret
    assert opener.open(SECRET_FIELD, channel.pk, channel.sealed_secret) == secret.encode()
    assert counts == [0, 0, 0]
