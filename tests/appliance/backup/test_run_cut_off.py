"""Backups onto a real target that are cancelled, struck by faults, killed, or meet each other."""

from __future__ import annotations

import json
import threading

import pytest
from django.db import connections

from appliance.backup.actions import start_backup
from appliance.backup.engine import write
from appliance.backup.models import BackupImage
from ground.files import use
from jobs.actions import cancel_job
from jobs.models import Job
from tests.support.bench import ADMIN, Bench, objects_on
from tests.support.faultfs import RAISING, Fault, FaultFs
from tests.support.world import check_world


def test_a_cancelled_backup_leaves_nothing_half_done(
    unit_on_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = unit_on_bench
    target = bench.add_target()
    job = start_backup(target, actor=ADMIN)
    guard = write._guard_pack

    def cancel_here(*args: object) -> None:
        connections["default"].close()
        cancel_job(actor=ADMIN, job=Job.objects.get(pk=job.pk))
        guard(*args)  # type: ignore[arg-type]
        bench.context_of(job).renew()

    bench.watch_contexts(monkeypatch)
    monkeypatch.setattr(write, "_guard_pack", cancel_here)
    bench.work(job)
    assert job.state == "cancelled"
    assert BackupImage.objects.get().state == "abandoned"
    left = objects_on(bench.path_of(target))
    assert not any(name.startswith("chains/") for name in left)
    assert list(bench.path_of(target).rglob(".tmp-*")) == []
    monkeypatch.undo()
    monkeypatch.setattr("jobs.broker.send", lambda _: False)
    assert bench.back_up(target).sequence == 1
    check_world(open_value=bench.maker.open_value)


@pytest.mark.parametrize("fault", RAISING)
def test_a_backup_survives_a_fault_at_any_write(unit_on_bench: Bench, fault: Fault) -> None:
    """N rises until a run passes untouched; after each fault the next backup is whole."""
    bench = unit_on_bench
    target = bench.add_target()
    at, struck = 1, True
    while struck:
        seam = FaultFs(fault, at)
        job = start_backup(target, actor=ADMIN)
        with use(seam):
            bench.work(job)
        assert job.state in ("failed", "queued", "done"), job.refusal
        Job.objects.filter(state="queued", kind="backup.run").update(state="cancelled")
        assert set(BackupImage.objects.values_list("state", flat=True)) <= {
            "committed", "abandoned", "writing", "damaged", "verified",
        }  # fmt: skip
        at += 6
        struck = seam.struck
    assert at > 10, "the backup writes more than that"
    bench.done_all("backup.verify")
    image = bench.back_up(target)
    assert image.state == "verified"
    check_world(open_value=bench.maker.open_value, scan=False)


def test_a_backup_killed_at_any_write_is_taken_up_and_sends_nothing_twice(unit_on_bench: Bench) -> None:
    """The process dies by SIGKILL just before its Nth write; another takes the same job up."""
    bench = unit_on_bench
    target = bench.add_target()
    at, kills = 1, 0
    while bench.killed(job := start_backup(target, actor=ADMIN), at):
        kills += 1
        have = {name for name in objects_on(bench.path_of(target)) if name.startswith("packs/")}
        bench.lose(job)
        bench.done(job)
        image = BackupImage.objects.get(pk=job.result["image"])
        assert have <= set(objects_on(bench.path_of(target)))
        assert image.state == "committed"
        assert not BackupImage.objects.filter(state="writing").exists()
        at += 5
    assert kills >= 5
    bench.done_all("backup.verify")
    check_world(open_value=bench.maker.open_value, scan=False)


def test_a_backup_killed_between_header_and_row_is_found_committed(
    unit_on_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = unit_on_bench
    target = bench.add_target()
    job = start_backup(target, actor=ADMIN)
    real = write.write_image

    def then_die(*args: object) -> object:
        real(*args)  # type: ignore[arg-type]
        raise RuntimeError("the process is gone")

    monkeypatch.setattr(write, "write_image", then_die)
    bench.work(job)
    assert job.state == "queued"
    assert BackupImage.objects.get().state == "writing"
    monkeypatch.setattr(write, "write_image", real)
    bench.lose(job)
    bench.done(job)
    assert BackupImage.objects.get().state == "committed"
    assert job.result["image"] == str(BackupImage.objects.get().pk)
    bench.done_all("backup.verify")
    check_world(open_value=bench.maker.open_value)


def test_a_self_test_that_fails_marks_the_image_damaged(
    unit_on_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = unit_on_bench
    target = bench.add_target()
    real = write.write_image

    def lose_a_pack(*args: object) -> object:
        signed = real(*args)  # type: ignore[arg-type]
        next(p for p in bench.path_of(target).rglob("*.pack")).unlink()
        return signed

    monkeypatch.setattr(write, "write_image", lose_a_pack)
    assert bench.refused(start_backup(target, actor=ADMIN)) == "backup.self-test-failed"
    image = BackupImage.objects.get()
    assert (image.state, (image.problem or {})["code"]) == ("damaged", "backup.self-test-failed")


def test_starting_twice_with_one_key_starts_one_backup(unit_on_bench: Bench) -> None:
    bench = unit_on_bench
    target = bench.add_target()
    first = start_backup(target, actor=ADMIN, idempotency_key="once")
    again = start_backup(target, actor=ADMIN, idempotency_key="once")
    assert first.pk == again.pk


def test_one_backup_at_a_time_works_on_the_store(
    unit_on_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = unit_on_bench
    target = bench.add_target()
    one, two = start_backup(target, actor=ADMIN), start_backup(target, actor=ADMIN)
    inside, go_on = threading.Event(), threading.Event()
    real = write.send_packs

    def wait_here(*args: object) -> object:
        inside.set()
        go_on.wait(30)
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(write, "send_packs", wait_here)
    thread = threading.Thread(target=bench.work, args=(one,))
    thread.start()
    try:
        assert inside.wait(30)
        bench.work(two)
        assert two.state == "queued", "it waits for its turn"
    finally:
        go_on.set()
        thread.join()
    one.refresh_from_db()
    assert one.state == "done"
    bench.done(two)
    assert json.loads(json.dumps(two.result))["sequence"] == 2
