"""The engine takes content in: from the spool, from files, now or when a key becomes active."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import User
from appliance.catalog import actions, selectors, tasks
from appliance.catalog.errors import NothingToSeal
from appliance.catalog.models import VirtualImage
from appliance.catalog.settle import settle_restored
from appliance.content.actions.end_upload import end_upload, sweep_uploads
from appliance.content.engine.opening import open_store
from appliance.content.errors import StoreBusy, UploadNeeded
from appliance.content.models import Upload
from appliance.keys.hooks import announce_activation
from audit.actor import Actor
from audit.models import Event
from ground.refusals import Invalid
from jobs.actions import cancel_job
from jobs.context import JobContext
from jobs.models import Job
from jobs.runner import run_job
from tests.appliance.catalog.world import ACTOR, Keys, image_of, send, work

pytestmark = pytest.mark.django_db(transaction=True)

CONTENT = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
S = VirtualImage.State
Uploaded = Callable[..., Upload]


@pytest.fixture
def waiting(uploaded: Uploaded, member: User, keys: Keys) -> VirtualImage:
    """An image whose upload is complete and whose job was not worked on yet."""
    return actions.create_from_upload(
        actor=Actor.user(member), owner=member, upload=uploaded(CONTENT), name="Debian"
    )


def content_of(image: VirtualImage) -> bytes:
    with open_store(writing=False) as store:
        return b"".join(store.iter_read(image.recipe))


def spooled() -> list[Path]:
    return [path for path in settings.SITE.spool.rglob("0*") if path.is_file()]


def test_wrong_content_is_refused_and_let_go(uploaded: Uploaded, member: User, keys: Keys) -> None:
    upload = uploaded(CONTENT, sha256="00" * 32)
    image = actions.create_from_upload(actor=Actor.user(member), owner=member, upload=upload, name="Debian")
    (job,) = work()
    image.refresh_from_db()
    assert (job.state, job.refusal["code"]) == (Job.State.FAILED, "content.digest-mismatch")
    assert job.refusal["facts"] == {"declared": "00" * 32, "found": SHA256}
    assert (image.state, image.problem["code"]) == (S.FAILED, "content.digest-mismatch")
    assert spooled() == []
    with open_store(writing=False) as store:
        assert store.statistics().recipes == 0


def test_a_damaged_spool_is_refused(waiting: VirtualImage) -> None:
    (segment,) = spooled()
    data = bytearray(segment.read_bytes())
    data[5000] ^= 1
    segment.write_bytes(data)
    (job,) = work()
    assert (job.state, job.refusal["code"]) == (Job.State.FAILED, "content.spool-damaged")
    assert image_of(waiting.pk).state == S.FAILED


def test_an_upload_that_an_image_waits_for_is_neither_ended_nor_swept(waiting: VirtualImage) -> None:
    Upload.objects.update(expires_at=timezone.now() - dt.timedelta(days=9))
    with pytest.raises(UploadNeeded):
        end_upload(Upload.objects.get(), actor=ACTOR)
    sweep_uploads()
    work()
    assert image_of(waiting.pk).state == S.READY


def test_an_image_that_was_deleted_meanwhile_ends_its_job(waiting: VirtualImage) -> None:
    actions.delete_image(waiting, actor=ACTOR)
    (job,) = work()
    assert (job.state, job.refusal["code"]) == (Job.State.FAILED, "images.unknown")


def test_without_an_active_key_the_content_waits_and_is_taken_when_one_is_active(
    waiting: VirtualImage, keys: Keys
) -> None:
    keys.active = False
    (job,) = work()
    waiting.refresh_from_db()
    assert (job.state, job.result["state"]) == (Job.State.DONE, S.WAITING)
    assert (waiting.state, waiting.problem["code"]) == (S.WAITING, "content.no-active-key")
    assert len(spooled()) == 1
    keys.active = True
    announce_activation("cd" * 16, 2)
    announce_activation("cd" * 16, 2)
    assert len(work()) == 1
    assert content_of(image_of(waiting.pk)) == CONTENT


def test_a_cancelled_sealing_leaves_the_image_waiting(
    waiting: VirtualImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancel(ctx: JobContext, *_: object) -> None:
        cancel_job(actor=ACTOR, job=Job.objects.get(pk=ctx.job_id))
        ctx.renew()

    monkeypatch.setattr(JobContext, "progress", cancel)
    real = JobContext.check

    def check(ctx: JobContext) -> None:
        cancel(ctx)
        real(ctx)

    monkeypatch.setattr(JobContext, "check", check)
    (job,) = work()
    assert (job.state, image_of(waiting.pk).state) == (Job.State.CANCELLED, S.WAITING)


def test_a_busy_store_is_tried_again_without_a_person(waiting: VirtualImage, keys: Keys) -> None:
    keys.trouble = [StoreBusy(), StoreBusy()]
    jobs = work()
    assert [job.attempts for job in jobs] == [1, 2, 3]
    assert jobs[-1].state == Job.State.DONE
    assert image_of(waiting.pk).state == S.READY


def test_what_stays_unavailable_fails_in_the_end_with_its_reason(waiting: VirtualImage, keys: Keys) -> None:
    keys.trouble = [StoreBusy(), StoreBusy(), StoreBusy()]
    assert work()[-1].refusal["code"] == "content.store-busy"
    image = image_of(waiting.pk)
    assert (image.state, image.problem["code"]) == (S.FAILED, "content.store-busy")


def test_a_fault_of_ours_is_told_as_one(
    waiting: VirtualImage, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.trouble = [ZeroDivisionError(), ZeroDivisionError(), ZeroDivisionError()]
    assert work()[-1].refusal["code"] == "jobs.internal-error"
    assert image_of(waiting.pk).state == S.FAILED
    job = actions.seal_image(image_of(waiting.pk), actor=ACTOR)
    assert [done.pk for done in work()] == [job.pk]
    assert image_of(waiting.pk).state == S.READY


def test_a_ready_image_is_not_sealed_again(waiting: VirtualImage) -> None:
    work()
    with pytest.raises(NothingToSeal):
        actions.seal_image(image_of(waiting.pk), actor=ACTOR)


def test_a_job_killed_after_the_store_had_it_finishes_without_storing_it_again(
    waiting: VirtualImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(tasks, "_finish", killed)
        run_job(Job.objects.get().pk)
    assert image_of(waiting.pk).state == S.SEALING
    assert work()[-1].result["new_bytes"] == 0
    assert content_of(image_of(waiting.pk)) == CONTENT


def test_an_upload_becomes_an_image_and_leaves_the_spool(waiting: VirtualImage) -> None:
    (job,) = work()
    image = image_of(waiting.pk)
    assert (image.state, image.sha256, image.size) == (S.READY, SHA256, len(CONTENT))
    assert job.result == {
        "image": str(image.pk),
        "state": "ready",
        "recipe": image.recipe,
        "size": len(CONTENT),
        "new_bytes": image.new_bytes,
    }
    assert content_of(image) == CONTENT
    assert spooled() == []
    assert Upload.objects.get().state == Upload.State.TAKEN
    assert Event.objects.filter(action="images.sealed").count() == 1


def test_an_image_of_an_unfinished_upload_goes_on_with_its_last_byte(
    uploaded: Uploaded, member: User, keys: Keys
) -> None:
    upload = uploaded(CONTENT, upto=1000)
    image = actions.create_from_upload(actor=Actor.user(member), owner=member, upload=upload, name="Debian")
    assert (image.state, Job.objects.count()) == (S.RECEIVING, 0)
    send(upload, CONTENT[1000:2000])
    assert image_of(image.pk).state == S.RECEIVING
    send(upload, CONTENT[2000:])
    assert image_of(image.pk).state == S.WAITING
    work()
    assert content_of(image_of(image.pk)) == CONTENT


def test_two_images_of_the_same_content_share_their_chunks(
    uploaded: Uploaded, member: User, waiting: VirtualImage
) -> None:
    actions.create_from_upload(actor=Actor.user(member), owner=member, upload=uploaded(CONTENT), name="Again")
    assert work()[1].result["new_bytes"] == 0
    assert len(selectors.live_recipes()) == 1
    assert [image.name for image in selectors.images_in_backup()].count("Again") == 1


def test_what_was_not_ready_is_marked_after_a_restore(waiting: VirtualImage) -> None:
    assert settle_restored() == 1
    image = image_of(waiting.pk)
    assert (image.state, image.problem["code"]) == (S.FAILED, "images.content-not-in-backup")


# Files on the unit.


def test_a_relative_path_is_refused(keys: Keys) -> None:
    with pytest.raises(Invalid):
        actions.import_file(actor=ACTOR, path=Path("disk.raw"))


def test_a_file_that_is_not_there_fails_with_its_reason(keys: Keys, tmp_path: Path) -> None:
    actions.import_file(actor=ACTOR, path=tmp_path / "nothing")
    (job,) = work()
    assert (job.state, job.refusal["code"]) == (Job.State.FAILED, "content.source-unreadable")


def test_a_file_of_the_wrong_digest_is_refused(keys: Keys, tmp_path: Path) -> None:
    path = tmp_path / "disk.raw"
    path.write_bytes(CONTENT)
    actions.import_file(actor=ACTOR, path=path, sha256="00" * 32)
    assert work()[0].refusal["code"] == "content.digest-mismatch"


def test_a_file_without_a_declared_digest_has_its_recipe_for_one(keys: Keys, tmp_path: Path) -> None:
    path = tmp_path / "disk.raw"
    path.write_bytes(CONTENT)
    image, _ = actions.import_file(actor=ACTOR, path=path)
    work()
    assert (image_of(image.pk).state, image_of(image.pk).sha256) == (S.READY, "")
    assert content_of(image_of(image.pk)) == CONTENT


def test_a_command_imports_a_file_and_another_reads_it_back(
    keys: Keys, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    path = tmp_path / "disk.raw"
    path.write_bytes(CONTENT)
    call_command("import_image", str(path), name="Debian", sha256=SHA256.upper())
    work()
    image = VirtualImage.objects.get()
    assert capsysbinary.readouterr().out.decode().strip() == f"{image.pk} waiting"
    assert (image.state, image.path, image.sha256) == (S.READY, "", SHA256)
    call_command("read_image", str(image.pk))
    assert capsysbinary.readouterr().out == CONTENT


def test_reading_an_image_that_is_not_ready_is_refused(waiting: VirtualImage) -> None:
    with pytest.raises(CommandError, match=r"images\.unknown"):
        call_command("read_image", str(waiting.pk))


def test_importing_for_a_stranger_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="nobody here is called eve"):
        call_command("import_image", str(tmp_path), owner="eve")
