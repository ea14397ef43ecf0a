"""Restoring onto another unit: refusals first, then the way back, then everything that cuts it off."""

from __future__ import annotations

import threading
import uuid

import pytest
from django.db import IntegrityError, connection, connections
from django.db.migrations.recorder import MigrationRecorder

from accounts.models import ApiToken, User
from appliance.backup.models import BackupImage, BackupTarget
from appliance.catalog.models import VirtualImage
from appliance.recovery.actions import confirm_outbound, start_preview, start_restore
from appliance.recovery.engine import preview
from appliance.recovery.engine import restore as engine
from appliance.recovery.errors import (
    ImageDamaged,
    NothingToConfirm,
    NotKeyed,
    RestoreNotAllowed,
    RestoreRunning,
    RollbackNotAccepted,
)
from appliance.recovery.models import Restore
from appliance.unit.models import Unit
from appliance.unit.selectors import is_outbound_allowed, unit
from audit.log import verify_chain
from audit.models import Chain, Event
from config.site import site
from ground.db import generations
from jobs.actions import cancel_job
from jobs.models import Job
from tests.support.bench import ADMIN, LOST_AND_KEYED, PASSWORD, Bench, damage, lose_and_key, noise
from tests.support.people import person
from tests.support.world import check_world


@pytest.fixture
def lost(bench: Bench) -> Bench:
    """A unit was backed up and is gone; a keyed replacement stands in its place, connected to the target."""
    bench.stage(LOST_AND_KEYED, lambda: lose_and_key(bench))
    return bench


def the_image() -> BackupImage:
    return BackupImage.objects.select_related("target").get()


def put_back(bench: Bench) -> None:
    """Nothing of a failed restore stands in the way of the next."""
    assert unit().state == Unit.State.KEYED
    assert generations.orphans() == []
    assert not VirtualImage.objects.exists()
    bench.restore(the_image())
    assert bench.digests() == bench.content


# ---- refused -----------------------------------------------------------------------------------------------


def test_a_blank_unit_restores_nothing(unit_on_bench: Bench) -> None:
    bench = unit_on_bench
    bench.back_up(bench.add_target())
    bench.put_blank_unit("SR-B-0001")
    bench.add_target()
    with pytest.raises(RestoreNotAllowed):
        start_restore(the_image(), actor=ADMIN)


def test_a_unit_in_service_is_not_restored_over(unit_on_bench: Bench) -> None:
    bench = unit_on_bench
    image = bench.back_up(bench.add_target())
    with pytest.raises(RestoreNotAllowed):
        start_restore(image, actor=ADMIN)


def test_an_image_whose_key_did_not_come_is_refused(lost: Bench) -> None:
    BackupImage.objects.update(key_id="ff" * 16)
    with pytest.raises(NotKeyed):
        start_restore(the_image(), actor=ADMIN)


def test_a_damaged_image_is_refused(lost: Bench) -> None:
    BackupImage.objects.update(state="damaged")
    with pytest.raises(ImageDamaged):
        start_restore(the_image(), actor=ADMIN)


def test_an_image_of_another_customer_is_refused_even_if_a_row_says_otherwise(lost: Bench) -> None:
    """The row is the web tier's; the job believes the signed header and the repository's marker."""
    theirs = uuid.uuid4()
    BackupTarget.objects.update(customer_id=theirs)
    BackupImage.objects.update(customer_id=theirs)
    from appliance.backup.errors import ImageOfAnother

    with pytest.raises(ImageOfAnother):
        start_restore(the_image(), actor=ADMIN)


def test_a_second_restore_beside_a_running_one_is_refused_by_action_and_database(lost: Bench) -> None:
    start_restore(the_image(), actor=ADMIN)
    with pytest.raises(RestoreRunning):
        start_restore(the_image(), actor=ADMIN)
    with pytest.raises(IntegrityError):
        Restore.objects.create(image_id=uuid.uuid4(), target_id=uuid.uuid4())


def test_a_rolled_back_target_is_restored_from_only_if_that_is_accepted(unit_on_bench: Bench) -> None:
    bench = unit_on_bench
    target = bench.add_target()
    first = bench.back_up(target)
    second = bench.back_up(target)
    values, head = bench.values_in(second), second.head
    place = bench.path_of(target) / f"chains/{second.chain}/{second.sequence:010d}-{second.pk.hex}"
    for path in place.iterdir():
        path.unlink()
    bench.put_blank_unit("SR-B-0001")
    again = bench.add_target()
    assert again.freshness == "dated", "without a head nobody can know"
    bench.install(values, [head])
    again.refresh_from_db()
    assert again.freshness == "rolled-back"
    assert [finding["code"] for finding in again.findings] == ["image.rolled-back"]
    with pytest.raises(RollbackNotAccepted):
        start_restore(BackupImage.objects.get(pk=first.pk), actor=ADMIN)
    bench.restore(BackupImage.objects.get(pk=first.pk), accept_rolled_back=True)
    assert bench.digests() == bench.content


def test_an_image_of_a_newer_release_is_refused_by_name_before_a_byte_is_copied(unit_on_bench: Bench) -> None:
    bench = unit_on_bench
    MigrationRecorder(connection).record_applied("accounts", "9999_future")
    image = bench.back_up(bench.add_target())
    values, head = bench.values_in(image), image.head
    bench.put_blank_unit("SR-B-0001")
    bench.add_target()
    bench.install(values, [head])
    told = bench.done(start_preview(the_image(), actor=ADMIN)).result
    assert (told["restorable"], told["unknown_migrations"]) == (False, ["accounts.9999_future"])
    job = start_restore(the_image(), actor=ADMIN)
    assert bench.refused(job) == "recovery.newer-release"
    assert job.refusal["facts"] == {"unknown": ["accounts.9999_future"]}
    assert job.refusal["next_step"] == "Update this unit, then restore."
    assert (unit().state, generations.orphans()) == (Unit.State.KEYED, [])
    assert [path for path in site().store.glob("packs/*/*") if path.is_file()] == []
    check_world(scan=False)


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("missing", "image.pack-missing"),
        ("truncated", "image.pack-damaged"),
        ("flipped", "image.pack-damaged"),
        ("swapped", "image.pack-damaged"),
    ],
)
def test_a_damaged_pack_ends_the_restore_and_nothing_changed(lost: Bench, how: str, code: str) -> None:
    packs = sorted(lost.path_of(the_image().target).glob("packs/*/*.pack"), key=lambda p: p.stat().st_size)
    sound = packs[-1].read_bytes()
    damage(packs[-1], how)
    assert lost.refused(start_restore(the_image(), actor=ADMIN)) == code
    assert (Restore.objects.get().problem or {})["code"] == code
    check_world(scan=False, skip=("I1",))
    packs[-1].write_bytes(sound)
    put_back(lost)


@pytest.mark.parametrize("name", ["manifest.sealed", "packs.json", "header.jws"])
def test_a_damaged_file_of_the_image_ends_the_restore(lost: Bench, name: str) -> None:
    (path,) = lost.path_of(the_image().target).rglob(name)
    damage(path, "flipped")
    code = lost.refused(start_restore(the_image(), actor=ADMIN))
    assert code in {"image.manifest-damaged", "image.pack-list-damaged", "image.bad-signature"}
    assert unit().state == Unit.State.KEYED


def test_a_target_that_goes_away_ends_the_restore_and_says_so(lost: Bench) -> None:
    image = the_image()
    place = lost.path_of(image.target)
    place.rename(place.with_name("elsewhere"))
    assert lost.refused(start_restore(image, actor=ADMIN)) == "target.absent"
    place.with_name("elsewhere").rename(place)
    put_back(lost)


def test_an_image_that_does_not_fit_is_refused_before_a_byte_is_copied(
    lost: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "SPARE_BYTES", 1 << 60)
    assert lost.refused(start_restore(the_image(), actor=ADMIN)) == "recovery.does-not-fit"
    assert unit().state == Unit.State.KEYED


def test_a_writer_that_keeps_the_database_open_keeps_the_switch_out_and_loses_nothing(
    lost: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch = generations.switch_database
    monkeypatch.setattr(generations, "switch_database", lambda g, before: switch(g, before, timeout=0.3))
    holding, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        User.objects.exists()
        holding.set()
        let_go.wait(60)
        connections["default"].close()

    job = start_restore(the_image(), actor=ADMIN)
    connections["default"].close()
    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert holding.wait(10)
        assert lost.refused(job) == "recovery.writers-busy"
    finally:
        let_go.set()
        thread.join()
    monkeypatch.undo()
    monkeypatch.setattr("jobs.broker.send", lambda _: False)
    put_back(lost)


def test_there_is_nothing_to_confirm_on_a_unit_that_was_not_restored(lost: Bench) -> None:
    with pytest.raises(NothingToConfirm):
        confirm_outbound(actor=ADMIN)


# ---- the way back ------------------------------------------------------------------------------------------


def test_everything_comes_back_bit_for_bit_and_what_was_this_units_own_stays(lost: Bench) -> None:
    operator = person("recovery-operator", username="operator")
    ApiToken.objects.all().delete()
    serial = unit().serial
    lost.restore(the_image())
    assert lost.digests() == lost.content
    assert {user.username for user in User.objects.all()} == {"ada"}, (
        "the restored accounts replace the operator"
    )
    assert not User.objects.filter(pk=operator.pk).exists()
    assert User.objects.get().check_password(PASSWORD)
    row = unit()
    assert (row.serial, row.state, row.outbound_paused) == (serial, "must_rotate", True)
    restored = Restore.objects.get()
    assert restored.state == "done"
    assert restored.counts["objects"] == 2
    assert BackupImage.objects.get().restored_at is not None
    assert Job.objects.get(pk__in=[restored.job_id]).state == "done"
    assert generations.orphans() == []
    check_world(open_value=lost.maker.open_value)


def test_tokens_and_sessions_of_people_who_are_gone_are_dropped(lost: Bench) -> None:
    from accounts.actions import issue_token

    issue_token(actor=ADMIN, user=person("recovery-operator", username="operator"), name="cli")
    lost.restore(the_image())
    assert not ApiToken.objects.exists()
    assert Restore.objects.get().counts["dropped"]


def test_the_old_event_log_is_read_only_beside_the_new_one_with_a_seam(lost: Bench) -> None:
    lost.restore(the_image())
    assert sorted(Chain.objects.values_list("origin", flat=True)) == ["imported", "own"]
    assert Event.objects.filter(action="audit.seam").count() == 1
    assert Event.objects.filter(chain__origin="imported", action="jobs.started").exists()
    assert verify_chain().ok


def test_jobs_that_ran_when_the_backup_was_made_do_not_come_back(lost: Bench) -> None:
    before = set(Job.objects.values_list("pk", flat=True))
    lost.restore(the_image())
    new = set(Job.objects.values_list("pk", flat=True)) - before
    assert {Job.objects.get(pk=pk).kind for pk in new} == {"recovery.restore"}


def test_a_virtual_image_that_was_still_arriving_comes_back_as_failed(unit_on_bench: Bench) -> None:
    bench = unit_on_bench
    VirtualImage.objects.create(name="half", owner_name="ada", source="upload", state="receiving")
    image = bench.back_up(bench.add_target())
    bench.put_blank_unit("SR-B-0001")
    bench.add_target()
    bench.install(bench.values_in(image))
    bench.restore(BackupImage.objects.get(pk=image.pk))
    half = VirtualImage.objects.get(name="half")
    assert (half.state, half.problem["code"]) == ("failed", "images.content-not-in-backup")


def test_outbound_work_waits_until_an_admin_confirms(lost: Bench) -> None:
    lost.restore(the_image())
    assert not is_outbound_allowed()
    confirm_outbound(actor=ADMIN)
    assert is_outbound_allowed()


def test_no_backup_before_the_rotation_and_old_images_still_open_after_it(lost: Bench) -> None:
    lost.restore(the_image())
    from appliance.backup.actions import start_backup
    from appliance.backup.errors import MustRotate

    target = BackupTarget.objects.get()
    with pytest.raises(MustRotate):
        start_backup(target, actor=ADMIN)
    lost.rotate()
    new = lost.back_up(target)
    old = BackupImage.objects.get(own=False)
    assert (new.epoch, old.epoch, new.sequence, new.serial) == (2, 1, 1, "SR-B-0001")
    assert lost.verify(old).state == "done"
    from sealing.documents import image_header

    assert image_header.read(new.header, lost.maker.trust).header.chain.parent == old.link_digest
    check_world(open_value=lost.maker.open_value)


def test_a_second_loss_with_three_epochs_comes_back_from_one_transfer(lost: Bench) -> None:
    bench = lost
    bench.restore(the_image())
    bench.rotate()
    target = BackupTarget.objects.get()
    bench.add_image("after the first loss", noise(21))
    bench.back_up(target)
    bench.rotate()
    bench.add_image("under the third key", noise(22))
    newest = bench.back_up(target)
    images = list(BackupImage.objects.order_by("epoch"))
    assert [image.epoch for image in images] == [1, 2, 3]
    values = sorted({value for image in images for value in bench.values_in(image)})
    bench.put_blank_unit("SR-C-0001")
    bench.add_target()
    bench.install(values, [newest.head])
    for image in BackupImage.objects.all():
        assert bench.verify(image).state == "done", image
    bench.restore(BackupImage.objects.get(pk=newest.pk))
    assert bench.digests() == bench.content
    check_world(open_value=bench.maker.open_value)


def test_the_preview_tells_what_comes_back_and_changes_nothing(lost: Bench) -> None:
    job = lost.done(start_preview(the_image(), actor=ADMIN))
    told = job.result
    assert [item["name"] for item in told["objects"]] == sorted(
        ["first", "second"], key=lambda n: told_id(told, n)
    )
    assert told["object_count"] == 2
    assert [who["name"] for who in told["people"]] == ["ada"]
    assert told["people"][0]["password"] is True
    assert told["rows"]["appliance_catalog.VirtualImage"] == 2
    assert (told["fits"], told["restorable"], told["packs_missing_count"]) == (True, True, 0)
    assert told["unknown_migrations"] == []
    assert the_image().preview == told
    assert unit().state == Unit.State.KEYED


def told_id(told: dict[str, list[dict[str, str]]], name: str) -> str:
    return next(item["id"] for item in told["objects"] if item["name"] == name)


# ---- cut off -----------------------------------------------------------------------------------------------


def test_a_cancelled_restore_leaves_the_unit_as_it_was(lost: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    job = start_restore(the_image(), actor=ADMIN)
    real = engine._load_database

    def cancel_here(work: engine._Work) -> object:
        cancel_job(actor=ADMIN, job=Job.objects.get(pk=job.pk))
        connections["default"].close()
        work.ctx.renew()
        return real(work)

    monkeypatch.setattr(engine, "_load_database", cancel_here)
    lost.work(job)
    assert (job.state, Restore.objects.get().state) == ("cancelled", "cancelled")
    monkeypatch.setattr(engine, "_load_database", real)
    put_back(lost)


def test_a_restore_killed_at_any_write_is_taken_up_by_the_next_worker(lost: Bench) -> None:
    """Killed again and again at a later write; the same job goes on each time and ends in a whole unit."""
    job = start_restore(the_image(), actor=ADMIN)
    at, kills = 1, 0
    while lost.killed(job, at):
        kills += 1
        assert unit().state in (Unit.State.KEYED, Unit.State.RESTORING, Unit.State.MUST_ROTATE)
        lost.lose(job)
        Job.objects.filter(pk=job.pk).update(attempts=0)
        at += 4
    assert kills >= 3  # PostgreSQL writes no files of ours, so there are fewer
    assert job.state == "done"
    assert lost.digests() == lost.content
    check_world(open_value=lost.maker.open_value, scan=False)


@pytest.mark.parametrize("step", ["_copy_content", "_load_database", "_switch", "_finish"])
def test_a_restore_that_dies_before_a_step_is_taken_up(
    lost: Bench, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = getattr(engine, step)

    def die(*args: object) -> object:
        raise RuntimeError("the process is gone")

    job = start_restore(the_image(), actor=ADMIN)
    monkeypatch.setattr(engine, step, die)
    lost.work(job)
    assert job.state == "queued"
    monkeypatch.setattr(engine, step, real)
    lost.lose(job)
    lost.done(job)
    assert lost.digests() == lost.content
    assert generations.orphans() == []
    assert Restore.objects.get().state == "done"


def test_a_restore_whose_job_died_for_good_does_not_stand_in_the_way(lost: Bench) -> None:
    job = start_restore(the_image(), actor=ADMIN)
    Job.objects.filter(pk=job.pk).update(state="failed", refusal={"code": "jobs.lost"})
    again = lost.done(start_restore(the_image(), actor=ADMIN))
    assert again.pk != job.pk
    assert sorted(Restore.objects.values_list("state", flat=True)) == ["done", "failed"]


def test_a_failed_restore_can_be_retried_by_its_own_job(lost: Bench) -> None:
    from jobs.actions import retry_job

    image = the_image()
    place = lost.path_of(image.target)
    place.rename(place.with_name("elsewhere"))
    job = start_restore(image, actor=ADMIN)
    lost.refused(job)
    place.with_name("elsewhere").rename(place)
    retry_job(actor=ADMIN, job=job)
    lost.done(job)
    assert lost.digests() == lost.content
