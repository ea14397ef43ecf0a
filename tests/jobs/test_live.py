"""Jobs with a real broker and real worker processes: kills, losses, duplicates."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from celery import current_app
from django.conf import settings
from django.db import connection

from audit.actor import Actor
from audit.log import verify_chain
from jobs.actions import cancel_job, retry_job, start_job
from jobs.models import Job
from tests.support.broker import Broker, wait_until
from tests.support.workers import Worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]
TESTER = Actor.system("tester")
Start = Callable[[], Worker]


def state_of(job: Job) -> str:
    connection.close()
    job.refresh_from_db()
    return job.state


def wait_for(job: Job, state: str, seconds: float = 30.0) -> None:
    wait_until(lambda: state_of(job) == state, f"{job.kind} is {state}", seconds)


def runs(notes: Path, word: str) -> list[str]:
    return [line for line in notes.read_text().splitlines() if word in line]


def test_a_refusal_of_the_handler_ends_the_job_with_its_code_and_without_another_attempt(
    start_worker: Start, notes: Path
) -> None:
    start_worker()
    job = start_job("tests.refuse", actor=TESTER, params={"notes": str(notes)})
    wait_for(job, "failed")
    assert job.refused is not None
    assert job.refused["code"] == "tests.refused"
    assert job.refused["facts"] == {"reason": "asked to"}
    assert len(runs(notes, "ran")) == 1


def test_a_kind_nobody_knows_fails_at_once(start_worker: Start) -> None:
    start_worker()
    job = start_job("tests.nobody", actor=TESTER, params={})
    wait_for(job, "failed")
    assert job.refusal["code"] == "jobs.unknown-kind"


def test_a_fault_is_tried_again_and_then_told_without_its_text(start_worker: Start, notes: Path) -> None:
    start_worker()
    job = start_job("tests.fail", actor=TESTER, params={"notes": str(notes)})
    wait_for(job, "failed")
    assert [line.split()[-1] for line in runs(notes, "attempt")] == ["1", "2"]
    assert job.refusal["code"] == "jobs.internal-error"
    assert "a fault of ours" not in str(job.refusal)


def test_a_job_runs_once_and_tells_its_progress_result_and_log(start_worker: Start, notes: Path) -> None:
    start_worker()
    job = start_job("tests.note", actor=TESTER, params={"notes": str(notes)})
    wait_for(job, "done")
    assert (job.phase, job.done_amount, job.total_amount, job.amount_unit) == ("noting", 1, 1, "notes")
    assert [line.text for line in job.lines.all()] == ["noted"]
    assert job.lease_token is None
    assert len(runs(notes, "ran")) == 1
    assert verify_chain().ok


def test_duplicate_deliveries_run_a_job_once(start_worker: Start, notes: Path) -> None:
    start_worker()
    job = start_job("tests.note", actor=TESTER, params={"notes": str(notes)})
    for _ in range(20):
        current_app.send_task("jobs.run", args=[str(job.id)], queue=settings.JOB_QUEUE)
    wait_for(job, "done")
    last = start_job("tests.note", actor=TESTER, params={"notes": str(notes)})
    wait_for(last, "done")
    assert len(runs(notes, str(job.id))) == 1


def test_a_job_killed_in_mid_step_is_taken_up_by_another_process(
    start_worker: Start, notes: Path, tmp_path: Path
) -> None:
    first = start_worker()
    go = tmp_path / "go"
    job = start_job("tests.until-file", actor=TESTER, params={"notes": str(notes), "until": str(go)})
    wait_until(lambda: runs(notes, "began"), "the first worker began")
    second = start_worker()
    first.kill()
    wait_until(lambda: len(runs(notes, "began")) == 2, "another process took it up")
    go.touch()
    wait_for(job, "done")
    assert [line.split()[2] for line in runs(notes, "began")] == [str(first.pid), str(second.pid)]
    assert job.result == {"pid": second.pid}
    assert (job.attempts, job.losses) == (1, 1)


def test_a_broker_that_loses_everything_loses_no_job(
    start_worker: Start, broker: Broker, notes: Path, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    jobs = [
        start_job("tests.note", actor=TESTER, params={"notes": str(notes), "until": str(go)})
        for _ in range(5)
    ]
    broker.lose_everything()
    start_worker()
    for job in jobs:
        wait_for(job, "done")
    assert len(runs(notes, "ran")) == 5


@pytest.mark.skipif(bool(os.environ.get("REDIS_URL")), reason="a server's broker is not ours to kill")
def test_a_job_started_while_the_broker_is_away_runs_when_it_is_back(
    start_worker: Start, broker: Broker, notes: Path
) -> None:
    start_worker()
    broker.kill()
    before = time.monotonic()
    job = start_job("tests.note", actor=TESTER, params={"notes": str(notes)})
    assert time.monotonic() - before < 2  # whoever starts work does not wait for a broker that is away
    assert state_of(job) == "queued"
    broker.start()
    wait_for(job, "done", 60)
    assert len(runs(notes, "ran")) == 1


def test_a_running_job_is_cancelled_at_its_next_check(
    start_worker: Start, notes: Path, tmp_path: Path
) -> None:
    start_worker()
    job = start_job(
        "tests.until-file", actor=TESTER, params={"notes": str(notes), "until": str(tmp_path / "never")}
    )
    wait_for(job, "running")
    cancel_job(actor=TESTER, job=job)
    wait_for(job, "cancelled")
    assert job.exclusive == ""
    assert runs(notes, "ended") == []


def test_one_job_of_a_group_runs_at_a_time(start_worker: Start, notes: Path, tmp_path: Path) -> None:
    start_worker()
    start_worker()
    go = tmp_path / "go"
    jobs = [
        start_job("tests.exclusive", actor=TESTER, params={"notes": str(notes), "until": str(go)})
        for _ in range(3)
    ]
    wait_until(lambda: runs(notes, "began"), "one began")
    other = start_job("tests.note", actor=TESTER, params={"notes": str(notes)})
    wait_for(other, "done")
    assert len(runs(notes, "began")) == 1
    go.touch()
    for job in jobs:
        wait_for(job, "done")
    order = [line.split()[-1] for line in notes.read_text().splitlines() if "exclusive" in line]
    assert order == ["began", "ended"] * 3


def test_a_failed_job_is_started_again_on_demand(start_worker: Start, notes: Path) -> None:
    start_worker()
    job = start_job("tests.refuse", actor=TESTER, params={"notes": str(notes)})
    wait_for(job, "failed")
    retry_job(actor=TESTER, job=job)
    wait_until(lambda: len(runs(notes, "ran")) == 2, "it ran again")
    wait_for(job, "failed")


def test_a_worker_asked_to_end_ends_in_time_and_withdraws_its_readiness(start_worker: Start) -> None:
    worker = start_worker()
    assert worker.stop() == 0
    assert not (Path(settings.STRONGROOM_SITE_DIR) / "run" / f"{settings.JOB_QUEUE}.ready").exists()
