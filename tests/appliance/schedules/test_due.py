"""What the sweeper does about schedules: refusals, missed runs, one run for one moment whoever looks."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from typing import Any

import pytest
from django.db import connections

from appliance.backup.actions import remove_target, set_retention
from appliance.backup.models import BackupTarget
from appliance.backup.retention.policy import Policy
from appliance.notices.models import Notice
from appliance.schedules.actions import add_schedule, edit_schedule, pause_schedule, resume_schedule
from appliance.schedules.engine import due
from appliance.schedules.errors import BadSchedule, NotACopy
from appliance.schedules.models import BackupSchedule, Occurrence
from appliance.unit.actions import confirm_outbound, pause_outbound
from appliance.unit.models import Unit
from audit.actor import Actor
from audit.models import Event
from jobs.models import Job
from tests.support.clock import Clock
from tests.support.small_unit import make_image, make_key, make_target, make_unit

pytestmark = pytest.mark.django_db
ADA = Actor("user", "1", "ada")
NIGHTLY = {"every": "day", "at": "02:30"}
HOURLY = {"every": "hour", "minute": 0}


def schedule_of(target: BackupTarget, rule: dict[str, Any] = NIGHTLY, **options: Any) -> BackupSchedule:
    name = options.pop("name", "nightly")
    return add_schedule(actor=ADA, name=name, target=target, rule=rule, zone="Europe/Vienna", **options)


def states(schedule: BackupSchedule) -> list[tuple[str, str]]:
    rows = schedule.occurrences.order_by("due_at")
    return [(f"{row.due_at:%m-%d %H:%M}", row.state) for row in rows]


def end_jobs(clock: Clock, state: str = Job.State.DONE, **sets: Any) -> None:
    live = Job.objects.filter(state__in=Job.LIVE)
    live.update(state=state, ended_at=clock(), lease_token=None, lease_until=None, exclusive="", **sets)


def run_jobs(clock: Clock) -> None:
    """They begin, and hold."""
    Job.objects.filter(state=Job.State.QUEUED).update(
        state=Job.State.RUNNING, lease_token=uuid.uuid4(), lease_until=clock() + dt.timedelta(days=1)
    )


# ---- refusals reach a person -------------------------------------------------------------------------


def test_a_backup_while_the_key_must_be_rotated_is_refused_loudly(target: BackupTarget, clock: Clock) -> None:
    schedule = schedule_of(target)
    Unit.objects.update(state=Unit.State.MUST_ROTATE)
    clock.at("2027-06-02T00:30")
    due.look()
    occurrence = schedule.occurrences.get()
    assert occurrence.state == Occurrence.State.REFUSED
    assert occurrence.reason is not None
    assert occurrence.reason["code"] == "backup.must-rotate"
    assert not Job.objects.exists()
    notice = Notice.objects.get()
    assert (notice.event, notice.facts["code"]) == ("failure", "backup.must-rotate")
    assert "must rotate" in notice.subject
    assert notice.consequence
    assert notice.next_step


def test_a_schedule_whose_target_was_removed_is_refused_loudly(target: BackupTarget, clock: Clock) -> None:
    schedule = schedule_of(target)
    remove_target(target, actor=ADA)
    clock.at("2027-06-02T00:30")
    due.look()
    assert schedule.occurrences.get().reason_text.startswith("The schedule has no target")
    assert Notice.objects.get().facts["code"] == "schedules.no-target"


def test_a_verification_of_nothing_is_refused_loudly(target: BackupTarget, clock: Clock) -> None:
    schedule_of(target, task="verify")
    clock.at("2027-06-02T00:30")
    due.look()
    assert Notice.objects.get().facts["code"] == "schedules.nothing-to-verify"


def test_a_zone_this_machine_does_not_know_stops_its_own_schedule_alone(
    target: BackupTarget, clock: Clock
) -> None:
    lost = schedule_of(target, name="lost")
    BackupSchedule.objects.filter(pk=lost.pk).update(zone="Mars/Olympus")
    sound = schedule_of(target, name="sound")
    clock.at("2027-06-02T00:30")
    due.look()
    assert states(sound) == [("06-02 00:30", "started")]
    assert states(lost) == []
    assert Notice.objects.get().facts["code"] == "schedules.unknown-zone"


def test_a_refusal_is_told_once_until_it_is_over(target: BackupTarget, clock: Clock) -> None:
    schedule = schedule_of(target, HOURLY)
    Unit.objects.update(state=Unit.State.MUST_ROTATE)
    for hour in (13, 14, 15):
        clock.at(f"2027-06-01T{hour}:00")
        due.look()
    assert Notice.objects.get().count == 3
    Unit.objects.update(state=Unit.State.IN_SERVICE)
    clock.at("2027-06-01T16:00")
    due.look()
    end_jobs(clock)
    due.look()
    trouble, over = Notice.objects.order_by("created_at")
    assert trouble.resolved_at is not None
    assert over.event == "recovery"
    assert schedule.name in over.subject


# ---- one run for one moment --------------------------------------------------------------------------


def test_before_its_time_nothing_runs(target: BackupTarget, clock: Clock) -> None:
    schedule = schedule_of(target)
    clock.at("2027-06-02T00:29:59")
    due.look()
    assert states(schedule) == []


def test_at_its_time_one_job_runs_as_the_schedule(target: BackupTarget, clock: Clock) -> None:
    schedule = schedule_of(target)
    clock.at("2027-06-02T00:30")
    due.look()
    due.look()
    job = Job.objects.get()
    assert (job.kind, job.params, job.actor_kind) == ("backup.run", {"target": str(target.pk)}, "system")
    assert schedule.occurrences.get().jobs == [str(job.pk)]
    assert not schedule.occurrences.get().late
    schedule.refresh_from_db()
    assert schedule.next_due_at == dt.datetime(2027, 6, 3, 0, 30, tzinfo=dt.UTC)


def test_of_two_sweepers_that_read_the_same_one_takes_the_moment_up(
    target: BackupTarget, clock: Clock
) -> None:
    schedule = schedule_of(target)
    now = clock.at("2027-06-02T00:30")
    one, other = BackupSchedule.objects.get(pk=schedule.pk), BackupSchedule.objects.get(pk=schedule.pk)
    assert due.take_up(one, now) is not None
    assert due.take_up(other, now) is None


def test_of_two_sweepers_one_starts_the_occurrence(target: BackupTarget, clock: Clock) -> None:
    schedule = schedule_of(target)
    now = clock.at("2027-06-02T00:30")
    due.take_up(schedule, now)
    one, other = Occurrence.objects.get(), Occurrence.objects.get()
    due.advance(one, now)
    due.advance(other, now)
    assert Job.objects.count() == 1


def test_a_schedule_edited_under_the_sweeper_is_not_run_by_the_old_rule(
    target: BackupTarget, clock: Clock
) -> None:
    schedule = schedule_of(target)
    read = BackupSchedule.objects.get(pk=schedule.pk)
    now = clock.at("2027-06-02T00:30")
    edit_schedule(schedule, actor=ADA, rule={"every": "day", "at": "05:00"})
    assert due.take_up(read, now) is None
    assert not Occurrence.objects.exists()


def test_an_edit_that_leaves_the_next_moment_as_it_was_beats_the_sweeper_too(
    target: BackupTarget, clock: Clock
) -> None:
    schedule = schedule_of(target)
    read = BackupSchedule.objects.get(pk=schedule.pk)
    edit_schedule(schedule, actor=ADA, rule={"every": "weekdays", "at": "02:30"})
    assert schedule.next_due_at == read.next_due_at
    assert due.take_up(read, clock.at("2027-06-02T00:30")) is None


@pytest.mark.django_db(transaction=True)
def test_sweepers_side_by_side_make_one_run(clock: Clock) -> None:
    make_unit()
    make_key()
    schedule = schedule_of(make_target())
    now = clock.at("2027-06-02T00:30")
    barrier = threading.Barrier(4)

    def sweeper() -> None:
        try:
            barrier.wait(30)
            due.look(now)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=sweeper) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert states(schedule) == [("06-02 00:30", "started")]
    assert Job.objects.count() == 1


# ---- runs that did not happen ------------------------------------------------------------------------


def test_after_days_off_the_newest_run_is_caught_up_once_and_the_rest_reported(
    target: BackupTarget, clock: Clock
) -> None:
    schedule = schedule_of(target)
    clock.at("2027-06-05T09:00")
    due.look()
    due.look()
    assert states(schedule) == [
        *[("06-02 00:30", "missed"), ("06-03 00:30", "missed"), ("06-04 00:30", "missed")],
        ("06-05 00:30", "started"),
    ]
    assert schedule.occurrences.get(state="started").late
    assert Job.objects.count() == 1
    notice = Notice.objects.get()
    assert (notice.event, notice.facts["missed"], notice.facts["caught_up"]) == ("missed", 3, True)
    reasons = schedule.occurrences.filter(state="missed").values_list("reason", flat=True)
    assert {reason["code"] for reason in reasons if reason} == {"schedules.missed"}


def test_one_run_a_little_late_is_caught_up_without_a_word(target: BackupTarget, clock: Clock) -> None:
    schedule = schedule_of(target)
    clock.at("2027-06-02T08:00")
    due.look()
    assert states(schedule) == [("06-02 00:30", "started")]
    assert schedule.occurrences.get().late
    assert not Notice.objects.exists()


def test_what_is_not_to_be_caught_up_is_reported(target: BackupTarget, clock: Clock) -> None:
    schedule = schedule_of(target, catch_up=False)
    clock.at("2027-06-02T08:00")
    due.look()
    assert states(schedule) == [("06-02 00:30", "missed")]
    assert not Job.objects.exists()
    notice = Notice.objects.get()
    assert (notice.event, notice.facts["caught_up"]) == ("missed", False)
    assert "did not happen" in notice.subject
    assert "2027-06-02 02:30 (Europe/Vienna)" in notice.subject


def test_of_a_long_absence_only_the_newest_runs_get_rows(target: BackupTarget, clock: Clock) -> None:
    schedule = schedule_of(target, HOURLY)
    clock.at("2027-06-08T12:00")
    due.look()
    assert schedule.occurrences.filter(state="missed").count() == due.SHOWN
    assert Notice.objects.get().facts["missed"] == 7 * 24 - 1


def test_while_outbound_work_is_paused_nothing_runs_and_afterwards_it_is_caught_up(
    target: BackupTarget, clock: Clock
) -> None:
    schedule = schedule_of(target)
    pause_outbound(actor=ADA, why="restored")
    clock.at("2027-06-04T08:00")
    due.look()
    assert states(schedule) == []
    confirm_outbound(actor=ADA)
    due.look()
    assert [state for _, state in states(schedule)] == ["missed", "missed", "started"]


def test_runs_within_a_pause_of_the_schedule_are_not_missing(target: BackupTarget, clock: Clock) -> None:
    schedule = schedule_of(target)
    pause_schedule(schedule, actor=ADA, why="disk exchanged")
    clock.at("2027-06-04T08:00")
    due.look()
    resume_schedule(schedule, actor=ADA)
    due.look()
    assert states(schedule) == []
    clock.at("2027-06-05T00:30")
    due.look()
    assert states(schedule) == [("06-05 00:30", "started")]


# ---- a busy engine -----------------------------------------------------------------------------------


def test_a_run_waits_for_the_one_before_it(target: BackupTarget, clock: Clock) -> None:
    schedule = schedule_of(target, HOURLY)
    clock.at("2027-06-01T13:00")
    due.look()
    run_jobs(clock)
    clock.at("2027-06-01T14:00")
    due.look()
    assert [state for _, state in states(schedule)] == ["started", "waiting"]
    end_jobs(clock)
    clock.passes(minutes=30)
    due.look()
    assert [state for _, state in states(schedule)] == ["done", "started"]
    assert schedule.occurrences.get(state="started").late


def test_a_run_that_waited_until_the_next_was_due_did_not_happen(target: BackupTarget, clock: Clock) -> None:
    schedule = schedule_of(target, HOURLY)
    for hour in (13, 14, 15):
        clock.at(f"2027-06-01T{hour}:00")
        due.look()
        run_jobs(clock)
    assert [state for _, state in states(schedule)] == ["started", "missed", "waiting"]
    assert Notice.objects.get().facts["code"] == "schedules.still-busy"


def test_a_run_that_is_not_to_be_caught_up_does_not_wait_long(target: BackupTarget, clock: Clock) -> None:
    schedule = schedule_of(target, HOURLY, catch_up=False)
    clock.at("2027-06-01T13:00")
    due.look()
    run_jobs(clock)
    clock.at("2027-06-01T14:00")
    due.look()
    clock.passes(minutes=11)
    due.look()
    assert [state for _, state in states(schedule)] == ["started", "missed"]
    assert Notice.objects.get().facts["code"] == "schedules.still-busy"


# ---- outcomes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ended", ["done", "failed", "cancelled"])
def test_an_occurrence_ends_as_its_job_ends(target: BackupTarget, clock: Clock, ended: str) -> None:
    schedule = schedule_of(target)
    clock.at("2027-06-02T00:30")
    due.look()
    due.look()
    assert states(schedule) == [("06-02 00:30", "started")]
    end_jobs(clock, ended)
    due.look()
    assert states(schedule) == [("06-02 00:30", ended)]
    assert Event.objects.filter(action=f"schedules.{ended}").count() == 1


def test_a_failed_run_keeps_the_reason(target: BackupTarget, clock: Clock) -> None:
    schedule = schedule_of(target)
    clock.at("2027-06-02T00:30")
    due.look()
    end_jobs(clock, Job.State.FAILED, refusal={"code": "target.full", "title": "full"})
    due.look()
    assert schedule.occurrences.get().reason == {"code": "target.full", "title": "full"}


def test_a_run_whose_job_is_gone_failed(target: BackupTarget, clock: Clock) -> None:
    schedule = schedule_of(target)
    clock.at("2027-06-02T00:30")
    due.look()
    Job.objects.all().delete()
    due.look()
    occurrence = schedule.occurrences.get()
    assert occurrence.reason is not None
    assert (occurrence.state, occurrence.reason["code"]) == ("failed", "schedules.job-gone")


@pytest.mark.parametrize(("which", "expected"), [("newest", [3]), ("all", [1, 2, 3])])
def test_a_verification_looks_at_what_it_says(
    target: BackupTarget, clock: Clock, which: str, expected: list[int]
) -> None:
    images = {}
    for sequence in (1, 2, 3):
        clock.passes(minutes=1)
        images[str(make_image(target, sequence).pk)] = sequence
    make_image(target, 4, state="writing")
    make_image(make_target("other"), 5)
    schedule_of(target, task="verify", which=which, depth="digests")
    clock.at("2027-06-02T00:30")
    due.look()
    jobs = Job.objects.filter(kind="backup.verify")
    assert sorted(images[job.params["image"]] for job in jobs) == expected
    assert {job.params["depth"] for job in jobs} == {"digests"}
    assert len(Occurrence.objects.get().jobs) == len(expected)


def test_a_verification_of_what_is_due_takes_the_stalest_and_may_find_nothing_to_do(
    target: BackupTarget, clock: Clock
) -> None:
    schedule = schedule_of(target, task="verify", which="due")
    fresh, stale = make_image(target, 1), make_image(target, 2)
    fresh.checked_at = fresh.verified_at = clock()
    fresh.save()
    clock.at("2027-06-02T00:30")
    due.look()
    assert Job.objects.get().params["image"] == str(stale.pk)
    stale.checked_at = stale.verified_at = clock()
    stale.save()
    end_jobs(clock)
    clock.at("2027-06-03T00:30")
    due.look()
    due.look()
    assert [state for _, state in states(schedule)] == ["done", "done"]
    assert Job.objects.count() == 1


def test_pruning_runs_by_schedule_and_is_refused_without_a_policy(target: BackupTarget, clock: Clock) -> None:
    schedule = schedule_of(target, task="prune")
    clock.at("2027-06-02T00:30")
    due.look()
    assert schedule.occurrences.get().reason_text != ""
    set_retention(target, actor=ADA, policy=Policy(keep_last=3))
    clock.at("2027-06-03T00:30")
    due.look()
    assert [job.kind for job in Job.objects.filter(kind="backup.prune")] == ["backup.prune"]


def test_collecting_runs_by_schedule_has_no_target_and_misses_none(
    target: BackupTarget, clock: Clock
) -> None:
    with pytest.raises(BadSchedule):
        schedule_of(target, task="collect")
    with pytest.raises(BadSchedule):
        add_schedule(actor=ADA, name="x", target=None, rule=NIGHTLY, zone="UTC", task="backup")
    schedule = add_schedule(actor=ADA, name="x", target=None, rule=NIGHTLY, zone="UTC", task="collect")
    with pytest.raises(BadSchedule):
        edit_schedule(schedule, actor=ADA, target=target)
    assert (schedule.about, schedule.lacks_target) == ("in the content store", False)
    clock.at("2027-06-02T03:30")
    due.look()
    (job,) = Job.objects.filter(kind="content.collect")
    assert (job.params["dry_run"], job.actor_name) == (False, "schedule x")


def test_copying_runs_by_schedule_to_a_target_that_is_a_copy(target: BackupTarget, clock: Clock) -> None:
    with pytest.raises(NotACopy):
        schedule_of(target, task="copy")
    copy = make_target("second")
    copy.copy_of = target
    copy.save()
    schedule = schedule_of(copy, task="copy")
    clock.at("2027-06-02T00:30")
    due.look()
    assert Job.objects.get().kind == "backup.copy"
    end_jobs(clock)
    BackupTarget.objects.filter(pk=copy.pk).update(copy_of=None)
    clock.at("2027-06-03T00:30")
    due.look()
    assert [state for _, state in states(schedule)] == ["done", "refused"]
    assert Notice.objects.get().facts["code"] == "schedules.not-a-copy"


# ---- after a restore ---------------------------------------------------------------------------------


def test_a_restored_schedule_finds_its_target_by_the_repository_and_counts_from_now(
    target: BackupTarget, clock: Clock
) -> None:
    schedule = schedule_of(target)
    BackupSchedule.objects.update(target=None, next_due_at=None)
    clock.at("2027-06-09T12:00")
    due.look()
    schedule.refresh_from_db()
    assert schedule.target == target
    assert schedule.next_due_at == dt.datetime(2027, 6, 10, 0, 30, tzinfo=dt.UTC)
    assert schedule.since == clock()
    assert states(schedule) == []


def test_a_schedule_remembers_the_repository_of_a_target_connected_later(
    target: BackupTarget, clock: Clock
) -> None:
    repository = target.repository_id
    BackupTarget.objects.update(repository_id=None)
    target.refresh_from_db()
    schedule = schedule_of(target)
    assert schedule.repository_id is None
    BackupTarget.objects.update(repository_id=repository)
    due.look()
    schedule.refresh_from_db()
    assert schedule.repository_id == repository
