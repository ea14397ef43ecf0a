"""Runs that did not happen and images that are damaged are told of, without any job or worker."""

from __future__ import annotations

import pytest
from django.core import mail

from appliance.backup.models import BackupImage, BackupTarget
from appliance.notices.actions import add_channel
from appliance.notices.models import Notice, NoticeDelivery
from appliance.schedules import watchdog
from appliance.schedules.actions import add_schedule, pause_schedule
from appliance.schedules.engine import due
from appliance.schedules.models import BackupSchedule
from appliance.schedules.outlook import overdue
from appliance.unit.actions import pause_outbound
from audit.actor import Actor
from jobs.models import Job
from tests.support.clock import Clock
from tests.support.small_unit import make_image

pytestmark = pytest.mark.django_db
ADA = Actor("user", "1", "ada")


@pytest.fixture
def nightly(target: BackupTarget) -> BackupSchedule:
    rule = {"every": "day", "at": "02:30"}
    return add_schedule(actor=ADA, name="nightly", target=target, rule=rule, zone="Europe/Vienna")


def test_a_run_that_nobody_took_up_is_told_of_though_no_job_ever_ran(
    nightly: BackupSchedule, clock: Clock
) -> None:
    clock.at("2027-06-02T00:44")
    watchdog.look()
    assert not Notice.objects.exists()
    clock.at("2027-06-02T00:45")
    watchdog.look()
    notice = Notice.objects.get()
    assert (notice.event, notice.facts["code"]) == ("missed", "schedules.overdue")
    assert "nightly" in notice.subject
    assert "engine" in notice.next_step
    assert not Job.objects.exists()


def test_it_is_told_once_however_often_the_watchdog_looks_and_again_for_the_next_run(
    nightly: BackupSchedule, clock: Clock
) -> None:
    clock.at("2027-06-02T01:00")
    for _ in range(5):
        watchdog.look()
        clock.passes(minutes=1)
    assert Notice.objects.get().count == 1
    clock.at("2027-06-03T01:00")
    watchdog.look()
    assert Notice.objects.get().count == 2


def test_a_wrong_next_moment_in_the_row_does_not_blind_it(nightly: BackupSchedule, clock: Clock) -> None:
    BackupSchedule.objects.update(next_due_at=clock().replace(year=2090))
    clock.at("2027-06-02T01:00")
    due.look()
    watchdog.look()
    assert Notice.objects.get().event == "missed"


def test_a_run_that_was_taken_up_is_not_overdue(nightly: BackupSchedule, clock: Clock) -> None:
    clock.at("2027-06-02T00:30")
    due.look()
    clock.passes(hours=2)
    assert overdue() == []


def test_a_job_that_never_begins_is_overdue(nightly: BackupSchedule, clock: Clock) -> None:
    clock.at("2027-06-02T00:30")
    due.look()
    clock.passes(hours=6, minutes=1)
    assert [late.text for late in overdue()] == ["Its job waits for the engine, and has not begun for hours."]


def test_a_schedule_that_was_paused_knowingly_is_not_overdue(nightly: BackupSchedule, clock: Clock) -> None:
    pause_schedule(nightly, actor=ADA)
    clock.at("2027-06-04T01:00")
    watchdog.look()
    assert not Notice.objects.exists()


def test_while_outbound_work_is_paused_nothing_is_overdue_or_sent(
    nightly: BackupSchedule, clock: Clock
) -> None:
    pause_outbound(actor=ADA, why="restored")
    clock.at("2027-06-04T01:00")
    watchdog.look()
    assert not Notice.objects.exists()
    assert watchdog.send_untaken_mail() == 0


def test_a_schedule_added_after_its_time_of_day_is_not_overdue_before_its_first_run(
    nightly: BackupSchedule, clock: Clock
) -> None:
    clock.passes(hours=5)
    assert overdue() == []


def test_a_later_run_closes_the_trouble(nightly: BackupSchedule, clock: Clock) -> None:
    clock.at("2027-06-02T01:00")
    watchdog.look()
    due.look()
    Job.objects.update(state="done", ended_at=clock())
    due.look()
    assert list(Notice.objects.order_by("created_at").values_list("event", flat=True)) == [
        "missed",
        "recovery",
    ]


def test_a_damaged_image_is_told_of_once_and_its_healing_too(target: BackupTarget, clock: Clock) -> None:
    image = make_image(target, 7, state="damaged")
    BackupImage.objects.update(
        problem={"code": "image.pack-missing", "title": "A pack is missing.", "next_step": "x"}
    )
    watchdog.look()
    watchdog.look()
    notice = Notice.objects.get()
    assert (notice.event, notice.count, notice.about) == ("damage", 1, f"backup-image:{image.pk}")
    assert "image 7 on nas" in notice.subject
    BackupImage.objects.update(state="verified", problem=None)
    watchdog.look()
    assert Notice.objects.filter(resolved_at=None).count() == 0
    assert Notice.objects.filter(event="recovery").count() == 1


def test_mail_that_no_worker_takes_up_is_sent_by_the_watchdog(nightly: BackupSchedule, clock: Clock) -> None:
    add_channel(actor=ADA, name="ops", kind="mail", settings={"to": ["ops@example.org"]})
    clock.at("2027-06-02T01:00")
    watchdog.look()
    assert watchdog.send_untaken_mail() == 0
    clock.passes(minutes=4)
    assert watchdog.send_untaken_mail() == 1
    assert watchdog.send_untaken_mail() == 0
    (message,) = mail.outbox
    assert message.to == ["ops@example.org"]
    assert "did not happen" in message.subject
    assert "What to do:" in message.body
    assert NoticeDelivery.objects.get().state == "sent"
