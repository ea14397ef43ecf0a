"""One virtual image out of an old backup image: refusals, the way back, everything that cuts it off."""

from __future__ import annotations

import shutil
import uuid
from typing import NamedTuple

import pytest

from appliance.backup.engine.repository import pack_name
from appliance.backup.errors import ImageNotUsable, ImageOfAnother
from appliance.backup.models import BackupImage
from appliance.catalog.models import VirtualImage
from appliance.keys.models import KeyEpoch
from appliance.recovery.actions import start_object_list, start_object_restore
from appliance.recovery.engine import partial
from appliance.recovery.errors import (
    ImageDamaged,
    NotKeyed,
    ObjectNameTaken,
    ObjectsNotListed,
    ObjectUnknown,
    PartialNotAllowed,
    ReplaceNotNamed,
    RestoreRunning,
)
from appliance.recovery.models import ListedObject, Restore
from appliance.recovery.partial_rules import Clash
from appliance.recovery.selectors import here_of, objects_of
from appliance.unit.models import Unit
from config.site import site
from jobs.actions import cancel_job
from jobs.models import Job
from tests.support.bench import ADMIN, Bench, damage, noise
from tests.support.people import client_of


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def aged(unit_on_bench: Bench) -> Bench:
    """A unit with an image from before its last rotation; the store was lost since, and only "second" was
    brought in again, under the new key."""
    bench = unit_on_bench
    image = bench.back_up(bench.add_target())
    bench.done(start_object_list(image, actor=ADMIN))
    bench.rotate()
    VirtualImage.objects.all().delete()
    shutil.rmtree(site().store)
    bench.add_image("second", noise(1, 200 * 1024) + noise(2))
    return bench


def the_image() -> BackupImage:
    return BackupImage.objects.select_related("target").order_by("made_at")[0]


def object_id(name: str = "first") -> str:
    return ListedObject.objects.get(name=name).object_id


def bring_back(
    name: str = "first", clash: Clash = "refuse", replaces: uuid.UUID | None = None, dry_run: bool = False
) -> Job:
    return start_object_restore(
        the_image(), object_id(name), actor=ADMIN, clash=clash, replaces=replaces, dry_run=dry_run
    )


def test_what_can_be_known_is_refused_before_a_job_starts(
    aged: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, states = the_image(), BackupImage.State
    with pytest.raises(ObjectUnknown):
        start_object_restore(image, "no such", actor=ADMIN)
    with pytest.raises(ObjectNameTaken) as taken:
        bring_back("second")
    assert taken.value.facts["same_content"] is True
    with pytest.raises(ReplaceNotNamed):
        bring_back("second", "replace")
    with pytest.raises(ReplaceNotNamed):  # named, but it has another name
        bring_back("first", "replace", VirtualImage.objects.get().pk)
    for state, refusal in ((states.DAMAGED, ImageDamaged), (states.DELETED, ImageNotUsable)):
        BackupImage.objects.update(state=state)
        with pytest.raises(refusal):
            bring_back()
    BackupImage.objects.update(state=states.VERIFIED, customer_id=uuid.uuid4())
    with pytest.raises(ImageOfAnother):
        bring_back()
    BackupImage.objects.update(customer_id=image.customer_id)
    KeyEpoch.objects.filter(key_id=image.key_id).update(state="destroyed")
    with pytest.raises(NotKeyed):
        bring_back()
    KeyEpoch.objects.filter(key_id=image.key_id).update(state="deactivated")
    Unit.objects.update(state="keyed")
    with pytest.raises(PartialNotAllowed):
        bring_back()
    Unit.objects.update(state="in_service")
    running = Restore.objects.create(image_id=image.pk, target_id=image.target_id)
    with pytest.raises(RestoreRunning):
        bring_back()
    running.delete()
    assert not Job.objects.filter(kind="recovery.object").exists()
    # And what the job alone can know: no room, packs that are not what they should be. Nothing changes.
    job = bring_back()
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda _: Usage(1, 1, 1))
        assert aged.done(bring_back(dry_run=True)).result["fits"] is False
        assert aged.refused(job) == "recovery.does-not-fit"
    place = aged.path_of(image.target)
    whole = {path: path.read_bytes() for path in place.glob("packs/*/*.pack")}
    for how, code in (
        ("missing", "image.pack-missing"),
        ("truncated", "image.pack-damaged"),
        ("flipped", "image.pack-damaged"),
    ):
        for path in whole:
            damage(path, how)
        assert aged.refused(bring_back()) == code
        for path, data in whole.items():
            path.write_bytes(data)
    assert list(VirtualImage.objects.values_list("name", flat=True)) == ["second"]
    ListedObject.objects.filter(name="first").update(object_id="moved")
    with pytest.raises(ObjectUnknown):
        start_object_restore(image, "gone", actor=ADMIN)
    image.listing.delete()
    with pytest.raises(ObjectsNotListed):
        objects_of(image)


def test_an_object_comes_back_under_the_name_that_the_person_decides(aged: Bench) -> None:
    image = the_image()
    client = client_of(aged.add_person("bob"))
    url = f"/api/v1/backup-images/{image.pk}/objects"
    listed = {row["name"]: row["here"] for row in client.get(url).json()["results"]}
    assert listed == {"first": "gone", "second": "same"}
    assert [row["name"] for row in client.get(f"{url}?name=FIR").json()["results"]] == ["first"]

    told = aged.done(bring_back(dry_run=True)).result
    assert (told["name"], told["fits"], VirtualImage.objects.count()) == ("first", True, 1)
    assert told["packs_needed"] > 0

    answer = client.post(f"{url}/{object_id()}/restore", {}, format="json")
    assert answer.status_code == 202
    result = aged.done(Job.objects.get(pk=answer.json()["id"])).result
    row = VirtualImage.objects.get(pk=result["virtual_image"])
    assert (row.name, row.source, row.state, row.owner_name) == ("first", "backup", "ready", "bob")
    assert (row.size, row.sha256) == (300 * 1024, aged.content["first"])
    assert row.description.startswith("Restored from backup image 1 of SR-A-0001 of 20")
    assert result["packs_copied"] == told["packs_needed"]
    assert aged.digests() == aged.content

    # All of it is there now: nothing is copied again.
    with pytest.raises(ObjectNameTaken):
        bring_back()
    again = aged.done(bring_back(clash="keep-both")).result
    assert (again["packs_copied"], again["bytes_copied"]) == (0, 0)
    assert again["name"].startswith("first (from 20")
    assert aged.done(bring_back(clash="keep-both")).result["name"].endswith(", 2)")

    # Replace: what has the name keeps its id and gets the old content.
    second = VirtualImage.objects.get(name="second")
    fresh = aged.add_image("other", noise(9, 70_000))
    VirtualImage.objects.filter(pk=second.pk).update(recipe=fresh.recipe, sha256=fresh.sha256)
    second.refresh_from_db()
    assert here_of(ListedObject.objects.filter(name="second")) == {object_id("second"): "name"}
    job = aged.done(bring_back("second", "replace", second.pk))
    assert job.result["virtual_image"] == str(second.pk)
    second.refresh_from_db()
    assert second.sha256 == aged.content["second"] == aged.digest_of(second)

    # Chunks under the old data key stay readable, in the next backup too.
    aged.restart_keys()
    assert aged.digest_of(row) == aged.content["first"]
    assert aged.back_up(image.target).state == "verified"


def test_cut_off_anywhere_it_changes_nothing_and_goes_on(
    aged: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Cancelled while it copies.
    job, real = bring_back(), partial._read_back
    aged.watch_contexts(monkeypatch)

    def cancel_here(*args: object) -> int:
        cancel_job(actor=ADMIN, job=Job.objects.get(pk=job.pk))
        aged.context_of(job).renew()
        return real(*args)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(partial, "_read_back", cancel_here)
    aged.work(job)
    assert job.state == "cancelled"
    monkeypatch.setattr(partial, "_read_back", real)
    assert VirtualImage.objects.count() == 1
    # What was copied is not copied again.
    image = the_image()
    for digest in list(aged.path_of(image.target).glob("packs/*/*.pack")):
        digest.rename(digest.with_suffix(".away"))
    job = aged.done(bring_back())
    assert (job.result["packs_copied"], aged.digests()) == (0, aged.content)
    for away in aged.path_of(image.target).glob("packs/*/*.away"):
        away.rename(aged.path_of(image.target) / pack_name(away.stem))
    # Killed at every other write.
    VirtualImage.objects.filter(name="first").delete()
    shutil.rmtree(site().store)
    VirtualImage.objects.all().delete()
    aged.add_image("second", noise(1, 200 * 1024) + noise(2))
    job, at, kills = bring_back(), 1, 0
    while aged.killed(job, at):
        kills += 1
        assert list(VirtualImage.objects.values_list("name", flat=True)) == ["second"]
        aged.lose(job)
        Job.objects.filter(pk=job.pk).update(attempts=0)
        at += 2
    assert (job.state, kills >= 2) == ("done", True)
    assert aged.digests() == aged.content
