"""Troubles and deliveries: told once, retried, given up loudly, held back, and closed."""

from __future__ import annotations

import smtplib
import threading
from typing import Any

import pytest
from django.core import mail
from django.db import connections

from appliance.notices import dispatch, tasks, watching
from appliance.notices.actions import add_channel, edit_channel, remove_channel, send_test
from appliance.notices.engine import deliver
from appliance.notices.models import Notice, NoticeChannel, NoticeDelivery
from appliance.notices.raising import raise_notice, resolve_notice
from appliance.unit.actions import confirm_outbound, pause_outbound
from appliance.unit.errors import OutboundPaused
from appliance.unit.models import Unit
from audit.actor import Actor
from audit.models import Event
from ground.refusals import Refusal
from jobs.models import Job
from jobs.runner import run_job
from tests.support.clock import Clock
from tests.support.small_unit import make_unit

pytestmark = pytest.mark.django_db
ADA = Actor("user", "1", "ada")


@pytest.fixture
def channel(unit: Unit, clock: Clock) -> NoticeChannel:
    made, secret = add_channel(actor=ADA, name="ops", kind="mail", settings={"to": ["ops@example.org"]})
    assert secret == ""
    return made


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail server that takes nothing."""

    def refuse(*_: object, **__: object) -> None:
        raise smtplib.SMTPServerDisconnected("gone")

    monkeypatch.setattr("django.core.mail.EmailMessage.send", refuse)


def trouble(key: str = "t", **changed: Any) -> Notice:
    words = {"subject": "A backup failed", "consequence": "Work would be lost.", "next_step": "Look."}
    return raise_notice(changed.pop("event", "failure"), key=key, **{**words, **changed})


def work() -> int:
    """What a worker does: the sweeper's look, and the jobs it started."""
    count = dispatch.dispatch()
    for job in Job.objects.filter(kind=dispatch.KIND, state="queued"):
        Job.objects.filter(pk=job.pk).update(due_at="2020-01-01T00:00Z")
        context = type("Context", (), {"params": job.params})
        deliver.deliver(context)  # type: ignore[arg-type]  # as much as it looks at
        Job.objects.filter(pk=job.pk).update(state="done")
    return count


# ---- troubles ----------------------------------------------------------------------------------------


def test_the_same_trouble_is_one_notice_and_one_mail_however_often_it_comes(
    channel: NoticeChannel, clock: Clock
) -> None:
    for _ in range(10):
        trouble()
        clock.passes(minutes=1)
        work()
    assert Notice.objects.get().count == 10
    assert len(mail.outbox) == 1


def test_a_trouble_that_stays_is_told_again_once_a_day_and_is_unread_again(
    channel: NoticeChannel, clock: Clock
) -> None:
    for _ in range(49):
        trouble()
        work()
        clock.passes(hours=1)
    assert len(mail.outbox) == 3
    assert sorted(NoticeDelivery.objects.values_list("round", flat=True)) == [1, 2, 3]


def test_whoever_was_told_of_a_trouble_is_told_that_it_is_over(channel: NoticeChannel, clock: Clock) -> None:
    trouble()
    work()
    late, _ = add_channel(actor=ADA, name="late", kind="mail", settings={"to": ["late@example.org"]})
    clock.passes(hours=1)
    assert resolve_notice("t", subject="Backups work again") is not None
    work()
    assert [message.subject for message in mail.outbox] == [
        "[Harbour cloud (SR-A-0001)] A backup failed",
        "[Harbour cloud (SR-A-0001)] Backups work again",
    ]
    assert not late.deliveries.exists()


def test_a_trouble_that_is_not_open_is_not_closed(channel: NoticeChannel) -> None:
    assert resolve_notice("t", subject="x") is None
    trouble()
    assert resolve_notice("t", subject="x") is not None
    assert resolve_notice("t", subject="x") is None


def test_after_it_was_closed_the_same_trouble_is_a_new_one(channel: NoticeChannel) -> None:
    first = trouble()
    resolve_notice("t", subject="x")
    assert trouble().pk != first.pk


def test_a_notice_says_subject_consequence_and_next_step(channel: NoticeChannel) -> None:
    trouble(facts={"code": "target.full"})
    work()
    (message,) = mail.outbox
    for words in (
        "A backup failed",
        "What it means: Work would be lost.",
        "What to do: Look.",
        "target.full",
    ):
        assert words in message.body


def test_words_of_others_stay_on_one_line(channel: NoticeChannel) -> None:
    notice = trouble(subject="A\r\nBcc: eve@example.org\x1b[31m" + "x" * 300)
    work()
    assert "\n" not in mail.outbox[0].subject
    assert mail.outbox[0].recipients() == ["ops@example.org"]
    assert "\x1b" not in notice.subject
    assert len(notice.subject) == 200


def test_a_channel_hears_only_what_it_chose(unit: Unit, clock: Clock) -> None:
    add_channel(actor=ADA, name="d", kind="mail", settings={"to": ["d@example.org"]}, events=["damage"])
    trouble()
    trouble("u", event="damage")
    work()
    assert len(mail.outbox) == 1


@pytest.mark.django_db(transaction=True)
def test_a_trouble_raised_by_several_at_once_is_one(clock: Clock) -> None:
    make_unit()
    add_channel(actor=ADA, name="ops", kind="mail", settings={"to": ["ops@example.org"]})
    barrier = threading.Barrier(4)

    def raiser() -> None:
        try:
            barrier.wait(30)
            trouble()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=raiser) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert Notice.objects.get().count == 4
    assert NoticeDelivery.objects.count() == 1


# ---- deliveries --------------------------------------------------------------------------------------


def test_a_delivery_is_tried_again_with_growing_pauses_and_then_given_up_loudly(
    channel: NoticeChannel, clock: Clock, broken: None
) -> None:
    other, _ = add_channel(actor=ADA, name="other", kind="mail", settings={"to": ["o@example.org"]})
    edit_channel(other, actor=ADA, enabled=False)
    trouble()
    pauses = []
    delivery = NoticeDelivery.objects.get()
    while delivery.state != "given_up":
        assert work() == 1
        assert work() == 0
        delivery.refresh_from_db()
        pauses.append(round((delivery.due_at - clock()).total_seconds() / 60))
        clock.now = max(delivery.due_at, clock.now)
    assert pauses[:-1] == [1, 5, 15, 60, 180, 360, 720]
    assert delivery.attempts == 8
    assert delivery.problem is not None
    assert delivery.problem["code"] == "notices.mail-not-taken"
    given_up = Notice.objects.get(key=f"failure:notice-channel:{channel.pk}")
    assert not given_up.deliveries.filter(channel=channel).exists()
    channel.refresh_from_db()
    assert channel.problem is not None


def test_a_channel_that_works_again_closes_its_trouble(
    channel: NoticeChannel, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    raise_notice("failure", key=f"failure:notice-channel:{channel.pk}", subject="x")
    trouble()
    work()
    channel.refresh_from_db()
    assert channel.problem is None
    assert channel.last_sent_at == clock()
    assert not Notice.objects.filter(key__startswith="failure:notice-channel", resolved_at=None).exists()


def test_a_delivery_whose_worker_was_lost_is_made_again(channel: NoticeChannel, clock: Clock) -> None:
    trouble()
    assert dispatch.dispatch() == 1
    assert dispatch.dispatch() == 0
    clock.passes(minutes=6)
    assert dispatch.dispatch() == 1
    assert NoticeDelivery.objects.get().attempts == 2


def test_a_worker_that_comes_late_with_a_lost_attempt_sends_nothing(
    channel: NoticeChannel, clock: Clock
) -> None:
    trouble()
    dispatch.dispatch()
    stale = Job.objects.get().params
    clock.passes(minutes=6)
    dispatch.dispatch()
    context = type("Context", (), {"params": stale})
    assert deliver.deliver(context)["sent"] is False  # type: ignore[arg-type]  # as much as it looks at
    assert mail.outbox == []


def test_what_a_lost_attempt_came_to_changes_nothing(channel: NoticeChannel, clock: Clock) -> None:
    trouble()
    delivery = NoticeDelivery.objects.get()
    dispatch.claim(delivery, clock())
    NoticeDelivery.objects.update(attempts=2)
    dispatch.settle(delivery, None)
    dispatch.settle(delivery, Refusal())
    assert NoticeDelivery.objects.get().state == "sending"


def test_two_sweepers_start_one_attempt(channel: NoticeChannel, clock: Clock) -> None:
    trouble()
    one, other = NoticeDelivery.objects.get(), NoticeDelivery.objects.get()
    assert dispatch.claim(one, clock())
    assert not dispatch.claim(other, clock())


def test_while_outbound_work_is_paused_notices_are_held_and_then_sent(
    channel: NoticeChannel, clock: Clock
) -> None:
    pause_outbound(actor=ADA, why="restored")
    trouble()
    assert work() == 0
    with pytest.raises(OutboundPaused):
        send_test(channel, actor=ADA)
    confirm_outbound(actor=ADA)
    assert work() == 1
    assert len(mail.outbox) == 1


def test_a_channel_that_is_switched_off_gets_tests_only(channel: NoticeChannel, clock: Clock) -> None:
    edit_channel(channel, actor=ADA, enabled=False)
    trouble()
    send_test(channel, actor=ADA)
    work()
    (message,) = mail.outbox
    assert "Test of the channel ops" in message.subject


def test_a_test_that_fails_is_not_tried_again_and_raises_no_trouble(
    channel: NoticeChannel, clock: Clock, broken: None
) -> None:
    delivery = send_test(channel, actor=ADA)
    work()
    delivery.refresh_from_db()
    assert delivery.state == "given_up"
    assert Notice.objects.filter(resolved_at=None).count() == 0


def test_with_a_removed_channel_its_deliveries_go_and_the_notices_stay(channel: NoticeChannel) -> None:
    trouble()
    remove_channel(channel, actor=ADA)
    assert not NoticeDelivery.objects.exists()
    assert Notice.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_real_runner_delivers(monkeypatch: pytest.MonkeyPatch) -> None:
    make_unit()
    channel, _ = add_channel(actor=ADA, name="ops", kind="mail", settings={"to": ["ops@example.org"]})
    delivery = send_test(channel, actor=ADA)
    tasks.dispatch_notices()
    job = Job.objects.get()
    run_job(job.pk)
    job.refresh_from_db()
    delivery.refresh_from_db()
    assert (job.state, job.result, delivery.state) == ("done", {"sent": True}, "sent")
    assert mail.outbox[0].extra_headers == {"X-Strongroom-Delivery": str(delivery.pk)}


# ---- failed jobs -------------------------------------------------------------------------------------


def failed_job(clock: Clock, code: str, kind: str = "backup.run", subject: str = "backup-target:1") -> Job:
    refusal = {"code": code, "title": "The target is full.", "next_step": "Free room.", "facts": {}}
    return Job.objects.create(
        kind=kind,
        subject=subject,
        state="failed",
        ended_at=clock(),
        refusal=refusal,
        actor_kind="user",
        actor_id="1",
        actor_name="ada",
    )


def test_a_failed_job_is_told_once_by_any_number_of_sweepers(channel: NoticeChannel, clock: Clock) -> None:
    failed_job(clock, "target.full")
    assert watching.look_at_jobs() == 1
    assert watching.look_at_jobs() == 0
    notice = Notice.objects.get()
    assert (notice.event, notice.count, notice.next_step) == ("failure", 1, "Free room.")
    assert notice.subject == "A backup failed: The target is full."


def test_a_retry_that_fails_again_counts_and_one_that_works_closes_it(
    channel: NoticeChannel, clock: Clock
) -> None:
    job = failed_job(clock, "target.full")
    watching.look_at_jobs()
    clock.passes(minutes=5)
    Job.objects.filter(pk=job.pk).update(version=9, ended_at=clock())
    watching.look_at_jobs()
    assert Notice.objects.get().count == 2
    clock.passes(minutes=5)
    Job.objects.filter(pk=job.pk).update(state="done", refusal={}, ended_at=clock())
    watching.look_at_jobs()
    assert Notice.objects.filter(event="recovery", subject="Backups to the target work again").count() == 1


def test_a_success_before_the_failure_closes_nothing(channel: NoticeChannel, clock: Clock) -> None:
    earlier = failed_job(clock, "x")
    Job.objects.filter(pk=earlier.pk).update(state="done")
    clock.passes(minutes=5)
    failed_job(clock, "target.full")
    watching.look_at_jobs()
    assert Notice.objects.filter(resolved_at=None).count() == 1


def test_a_dry_run_neither_raises_nor_closes_a_notice(channel: NoticeChannel, clock: Clock) -> None:
    failed_job(clock, "target.full", "backup.prune")
    watching.look_at_jobs()
    clock.passes(minutes=5)
    dry = failed_job(clock, "target.absent", "backup.prune")
    Job.objects.filter(pk=dry.pk).update(params={"dry_run": True})
    watching.look_at_jobs()
    assert Notice.objects.get(resolved_at=None).count == 1
    clock.passes(minutes=5)
    Job.objects.filter(pk=dry.pk).update(state="done", refusal={}, ended_at=clock())
    watching.look_at_jobs()
    assert Notice.objects.filter(resolved_at=None).count() == 1
    Job.objects.filter(pk=dry.pk).update(params={"dry_run": False})
    watching.look_at_jobs()
    assert Notice.objects.filter(resolved_at=None).count() == 0


@pytest.mark.parametrize(
    ("kind", "code", "event"),
    [
        ("backup.run", "backup.store-damaged", ["damage"]),
        ("backup.run", "target.absent", ["failure"]),
        ("backup.verify", "target.absent", ["failure"]),
        ("backup.verify", "image.pack-missing", []),
        ("keys.rotate", "unit.desk-unreachable", ["failure"]),
        ("recovery.preview", "image.refused", []),
    ],
)
def test_what_a_failure_is_depends_on_its_code(
    channel: NoticeChannel, clock: Clock, kind: str, code: str, event: list[str]
) -> None:
    failed_job(clock, code, kind)
    watching.look_at_jobs()
    assert list(Notice.objects.values_list("event", flat=True)) == event


def test_old_failures_are_no_news(channel: NoticeChannel, clock: Clock) -> None:
    failed_job(clock, "target.full")
    clock.passes(days=8)
    assert watching.look_at_jobs() == 0


def test_another_room_adds_a_kind_of_its_own(
    channel: NoticeChannel, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_watched", dict(watching.watched()))
    watching.watch("x.y", failed="X failed", consequence="c", works="X works")
    failed_job(clock, "a.b", "x.y")
    watching.look_at_jobs()
    assert Notice.objects.get().subject == "X failed: The target is full."


def test_every_change_of_a_channel_is_an_event(channel: NoticeChannel) -> None:
    edit_channel(channel, actor=ADA, name="n", events=["damage"], settings={"to": ["x@example.org"]})
    send_test(channel, actor=ADA)
    remove_channel(channel, actor=ADA)
    actions = Event.objects.filter(action__startswith="notices.").order_by("sequence")
    assert list(actions.values_list("action", flat=True)) == [
        *["notices.channel-added", "notices.channel-edited", "notices.test", "notices.channel-removed"],
    ]
