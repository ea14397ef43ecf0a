"""Real workers of the site: their sweepers run schedules and send notices, each moment and each mail once."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from appliance.notices.actions import add_channel
from appliance.notices.models import NoticeDelivery
from appliance.schedules.actions import add_schedule
from appliance.schedules.models import BackupSchedule, Occurrence
from audit.actor import Actor
from audit.models import Event
from tests.support.broker import running_broker, wait_until
from tests.support.small_unit import make_target, make_unit
from tests.support.workers import running_worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]
ADA = Actor("user", "1", "ada")
APP = "config.celery:app"


def delivered() -> bool:
    connection.close()
    return NoticeDelivery.objects.filter(state="sent").exists()


def test_two_workers_make_one_run_and_send_one_mail(site_environment: dict[str, str], tmp_path: Path) -> None:
    """The run is refused, because the unit must rotate its key: that reaches a person by itself."""
    make_unit("must_rotate")
    add_channel(actor=ADA, name="ops", kind="mail", settings={"to": ["ops@example.org"]})
    rule = {"every": "hour", "minute": 0}
    add_schedule(actor=ADA, name="hourly", target=make_target(), rule=rule, zone="UTC")
    due_at = timezone.now().replace(minute=0, second=0, microsecond=0)
    BackupSchedule.objects.update(next_due_at=due_at, since=due_at - dt.timedelta(days=1))
    site = Path(settings.STRONGROOM_SITE_DIR)
    with (
        running_broker(site / "run" / "broker.sock", tmp_path / "broker"),
        running_worker(site_environment, tmp_path / "one.log", APP),
        running_worker(site_environment, tmp_path / "two.log", APP),
    ):
        wait_until(delivered, "the mail was sent", 30)
    occurrence = Occurrence.objects.get()
    assert (occurrence.due_at, occurrence.state) == (due_at, "refused")
    assert Event.objects.filter(action="schedules.refused").count() == 1
    (message,) = (site / "mail").iterdir()
    text = message.read_text()
    assert "To: ops@example.org" in text
    assert "must rotate" in text
    assert f"X-Strongroom-Delivery: {NoticeDelivery.objects.get().pk}" in text
