"""The job row's arrows: each is one compare-and-swap, and the database guards the rest."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections.abc import Callable

import pytest
from django.db import IntegrityError, connections, transaction
from django.utils import timezone

from audit.actor import Actor
from audit.models import Event
from ground.refusals import Forbidden, Missing
from jobs import broker as sending
from jobs import handlers, selectors
from jobs.actions import cancel_job, retry_job, start_job
from jobs.context import JobCancelled, JobContext, LeaseLost, Meter
from jobs.errors import KeyReused, NotCancellable, NotRetryable
from jobs.handlers import Handler, handler
from jobs.models import Job
from jobs.runner import claim, run_job
from jobs.sweeper import MAX_LOSSES, sweep
from tests.support.people import person

pytestmark = pytest.mark.django_db
Work = dict[str, Callable[[JobContext], None]]
TESTER = Actor.system("tester")


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[uuid.UUID]:
    """What went to the broker; there is none here."""
    ids: list[uuid.UUID] = []

    def remember(job_id: uuid.UUID) -> bool:
        ids.append(job_id)
        return True

    monkeypatch.setattr(sending, "send", remember)
    monkeypatch.setattr("jobs.sweeper.send", remember)
    return ids


@pytest.fixture(autouse=True)
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    """What a job of kind "w" (alone in its group) does."""
    monkeypatch.setattr(handlers, "_handlers", {})
    todo: Work = {"do": lambda _ctx: None}

    @handler("w", exclusive="group", attempts=2)
    def run(ctx: JobContext) -> None:
        todo["do"](ctx)

    return todo


def queued(kind: str = "w") -> Job:
    return start_job(kind, actor=TESTER, params={})


def claimed() -> tuple[Job, JobContext]:
    job = queued()
    found = claim(job.pk)
    assert found is not None
    job.refresh_from_db()
    return job, found[0]


def overdue(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - dt.timedelta(seconds=1))


def test_a_second_handler_of_one_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="two handlers"):
        handler("w")(lambda _ctx: None)


def test_a_claimed_job_is_not_claimed_again() -> None:
    job, _ = claimed()
    assert claim(job.pk) is None


def test_a_job_that_is_not_due_not_there_or_over_is_not_claimed() -> None:
    later = start_job("w", actor=TESTER, params={}, not_before=timezone.now() + dt.timedelta(hours=1))
    over = queued()
    cancel_job(actor=TESTER, job=over)
    assert [claim(later.pk), claim(over.pk), claim(uuid.uuid4())] == [None, None, None]


def test_the_database_refuses_two_running_jobs_of_a_group_and_a_held_job_without_lease() -> None:
    job, _ = claimed()
    other = queued()
    assert claim(other.pk) is None
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.filter(pk=other.pk).update(state="running", exclusive="group", lease_token=uuid.uuid4())
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(lease_token=None)


def test_whoever_lost_the_lease_changes_nothing_any_more() -> None:
    job, old = claimed()
    overdue(job)
    sweep()
    again = claim(job.pk)
    assert again is not None
    old.progress("old", 1, 1)
    with pytest.raises(LeaseLost):
        old.log("old")
    with pytest.raises(LeaseLost):
        old.check()
    job.refresh_from_db()
    assert (job.state, job.phase, job.lease_token) == ("running", "", again[0].token)
    assert not job.lines.exists()


def test_the_sweeper_leaves_a_renewed_lease_alone() -> None:
    job, context = claimed()
    overdue(job)
    context.renew()
    assert sweep() == 0
    job.refresh_from_db()
    assert job.state == "running"


def test_a_lost_lease_brings_the_job_back_without_costing_an_attempt() -> None:
    job, _ = claimed()
    overdue(job)
    sweep()
    job.refresh_from_db()
    assert (job.state, job.attempts, job.losses, job.lease_token, job.exclusive) == ("queued", 0, 1, None, "")


def test_a_job_lost_too_often_fails_with_words() -> None:
    job, _ = claimed()
    Job.objects.filter(pk=job.pk).update(losses=MAX_LOSSES - 1)
    overdue(job)
    sweep()
    job.refresh_from_db()
    assert (job.state, job.refusal["code"]) == ("failed", "jobs.worker-lost")


def test_a_job_cancelled_while_its_worker_died_is_cancelled() -> None:
    job, _ = claimed()
    cancel_job(actor=TESTER, job=job)
    overdue(job)
    sweep()
    job.refresh_from_db()
    assert job.state == "cancelled"


def test_a_running_job_hears_of_its_cancellation_and_lets_go() -> None:
    job, context = claimed()
    cancel_job(actor=TESTER, job=job)
    cancel_job(actor=TESTER, job=job)
    context.renew()
    with pytest.raises(JobCancelled):
        context.check()


def test_an_ended_job_is_neither_cancelled_nor_a_live_one_retried() -> None:
    job = queued()
    with pytest.raises(NotRetryable):
        retry_job(actor=TESTER, job=job)
    cancel_job(actor=TESTER, job=job)
    with pytest.raises(NotCancellable):
        cancel_job(actor=TESTER, job=job)
    assert retry_job(actor=TESTER, job=job).state == "queued"


def test_one_key_starts_one_job_and_refuses_other_work() -> None:
    first = start_job("w", actor=TESTER, params={"a": 1}, idempotency_key="k")
    assert start_job("w", actor=TESTER, params={"a": 1}, idempotency_key="k").pk == first.pk
    with pytest.raises(KeyReused):
        start_job("w", actor=TESTER, params={"a": 2}, idempotency_key="k")
    other = Actor.system("other")
    assert start_job("w", actor=other, params={"a": 1}, idempotency_key="k").pk != first.pk
    assert Job.objects.count() == 2


def test_a_job_is_sent_when_the_callers_transaction_has_committed_and_not_before(
    sent: list[uuid.UUID], django_capture_on_commit_callbacks: Callable[..., object]
) -> None:
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]  # a context manager
        job = queued()
        start_job("w", actor=TESTER, params={}, not_before=timezone.now() + dt.timedelta(hours=1))
        assert sent == []
    assert sent == [job.pk]


def test_the_sweeper_sends_what_is_due_and_unsent_once_in_a_while(sent: list[uuid.UUID]) -> None:
    job = queued()
    later = start_job("w", actor=TESTER, params={}, not_before=timezone.now() + dt.timedelta(hours=1))
    sweep()
    sweep()
    assert sent == [job.pk]
    past = timezone.now() - dt.timedelta(minutes=1)
    Job.objects.filter(pk=job.pk).update(sent_at=past)
    Job.objects.filter(pk=later.pk).update(due_at=past)
    sweep()
    assert sorted(sent) == sorted([job.pk, job.pk, later.pk])


def test_a_scheduled_time_is_kept_to_the_row() -> None:
    when = timezone.now() + dt.timedelta(hours=1)
    assert start_job("w", actor=TESTER, params={}, not_before=when).due_at == when


def test_the_rate_and_the_time_left_are_measured_over_one_phase(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("jobs.context.time.monotonic", lambda: now[0])
    meter = Meter()
    assert meter.measure("copy", 0, 1000) == (None, None)
    now[0] += 1
    assert meter.measure("copy", 100, 1000) == (100.0, 9.0)
    now[0] += 1
    rate, left = meter.measure("copy", 300, 1000)
    assert rate == pytest.approx(130.0)
    assert left == pytest.approx(700 / 130)
    assert meter.measure("check", 0, 1000) == (None, None)


def test_people_see_their_own_jobs_and_those_who_run_the_site_all() -> None:
    owner, stranger, auditor = person(), person(), person("auditor")
    job = start_job("w", actor=Actor.user(owner), params={})
    with pytest.raises(Missing):
        selectors.job_for(stranger, job.pk)
    with pytest.raises(Missing):
        selectors.job_for(owner, "no-uuid")
    assert selectors.job_for(owner, job.pk) == selectors.job_for(auditor, job.pk) == job
    with pytest.raises(Forbidden):
        selectors.job_for_change(auditor, job.pk)
    assert selectors.job_for_change(owner, job.pk) == job
    assert [row.pk for row in selectors.running_jobs_for(owner)] == [job.pk]
    assert selectors.is_busy("w")
    assert not selectors.is_busy("w", "other")
    assert selectors.latest("w") == job


def test_each_move_of_a_job_leaves_an_event() -> None:
    job = queued()
    cancel_job(actor=TESTER, job=job)
    retry_job(actor=TESTER, job=job)
    actions = list(Event.objects.order_by("sequence").values_list("action", flat=True))
    assert actions == ["jobs.started", "jobs.cancelled", "jobs.retried"]


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_that_get_one_delivery_one_works(
    work: Work,
) -> None:
    runs: list[str] = []
    work["do"] = lambda _ctx: runs.append(threading.current_thread().name)
    job = queued()
    threads = [threading.Thread(target=run_job, args=(job.pk,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    job.refresh_from_db()
    assert (len(runs), job.state, job.attempts) == (1, "done", 1)


@pytest.mark.django_db(transaction=True)
def test_of_many_sweepers_one_moves_a_lost_job_and_one_sends_it(sent: list[uuid.UUID]) -> None:
    job, _ = claimed()
    sent.clear()
    overdue(job)

    def look() -> None:
        try:
            sweep()
        finally:
            connections["default"].close()

    threads = [threading.Thread(target=look) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    job.refresh_from_db()
    assert (job.state, job.losses, sent) == ("queued", 1, [job.pk])


@pytest.mark.django_db(transaction=True)
def test_a_running_handler_holds_no_database_connection(
    work: Work,
) -> None:
    from ground.db import generations

    entered: list[bool] = []

    def do(ctx: JobContext) -> None:
        connections["default"].close()
        ctx.progress("step", 1, 10)
        ctx.log("a line")
        ctx.renew()
        with generations.exclusive(timeout=2):
            entered.append(True)

    work["do"] = do
    job = queued()
    connections["default"].close()
    run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, entered) == ("done", [True])


def test_a_group_may_depend_on_the_params() -> None:
    one = Handler("k", lambda _ctx: None, lambda params: f"target:{params['target']}", 1)
    assert one.group({"target": "a"}) == "target:a"
