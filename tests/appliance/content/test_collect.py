"""The job that collects, on a unit with a catalogue, targets and images: refusals, what it frees and what it
leaves out, and that older backup images and restores are as they were."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

import appliance.content.tasks  # noqa: F401  # registers the handler, as a worker does
from appliance.backup.actions import set_retention, start_backup, start_use
from appliance.backup.models import BackupImage, BackupTarget
from appliance.backup.retention import Policy
from appliance.catalog.actions import delete_image
from appliance.catalog.models import VirtualImage
from appliance.content import hooks
from appliance.content.actions.start_collection import start_collection
from appliance.content.collection import Plan
from appliance.content.engine import opening
from appliance.content.errors import CollectionPaused
from appliance.content.hooks import Keeper
from appliance.content.models import StoreLook
from appliance.content.selectors import last_collection, newest_look
from appliance.recovery.actions import start_object_list, start_object_restore
from appliance.recovery.selectors import objects_of
from appliance.unit.errors import WrongState
from appliance.unit.models import Unit
from audit.models import Event
from ground.refusals import Invalid
from jobs.actions import cancel_job
from jobs.models import Job
from tests.support.bench import ADMIN, KIB, Bench, noise, objects_on
from tests.support.world import check_world

DAY = 86_400
KEPT, GONE = noise(1, 100 * KIB), noise(2, 700 * KIB)


def collect(**choices: Any) -> Job:
    return start_collection(Plan(**choices), actor=ADMIN)


def pass_days(days: int) -> None:
    """The store as it is so many days later."""
    with opening.open_store() as store, store._index.transaction():
        store._index.run("UPDATE recipe SET touched = touched - ?", (days * DAY,))
        store._index.run("UPDATE pack SET leaving = leaving - ? WHERE leaving IS NOT NULL", (days * DAY,))


def packs(bench: Bench) -> set[str]:
    with bench.store() as store:
        return {ref.digest for ref in store.packs()}


@pytest.fixture
def unit(bench: Bench) -> Bench:
    """A unit with two virtual images in one pack, the second of them deleted eight days ago."""
    bench.put_unit()
    with opening.open_store() as store, store.batch() as batch:
        for data in (KEPT, GONE):
            batch.put_stream(Reader(data))
    kept, gone = bench.add_image("kept", KEPT), bench.add_image("gone", GONE)
    delete_image(gone, actor=ADMIN)
    del kept
    pass_days(8)
    return bench


class Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int, /) -> bytes:
        piece, self._data = self._data[:size], self._data[size:]
        return piece


# ---- refused -----------------------------------------------------------------------------------------------


def test_what_makes_no_sense_is_no_plan() -> None:
    wrong: list[dict[str, Any]] = [
        {"grace_days": 0}, {"grace_days": 366}, {"repack": "often"}, {"rewrite_mib": 0},
        {"rewrite_mib": 2**20 + 1},
    ]  # fmt: skip
    for choices in wrong:
        with pytest.raises(Invalid):
            Plan(**choices)


def test_where_no_room_says_what_is_needed_nothing_is_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "_live", [])
    with pytest.raises(AssertionError, match="everything would be garbage"):
        hooks.live_recipes()


def test_where_it_may_not_be_done_no_job_starts_and_one_that_waited_removes_nothing(
    unit: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = packs(unit)
    waiting = [collect() for _ in range(4)]
    Unit.objects.update(outbound_paused=True)
    with pytest.raises(CollectionPaused):
        collect()
    assert unit.refused(waiting.pop()) == "content.collection-paused"
    Unit.objects.update(outbound_paused=False, state=Unit.State.MUST_ROTATE)
    with pytest.raises(WrongState):
        collect()
    assert unit.refused(waiting.pop()) == "unit.wrong-state"
    Unit.objects.update(state=Unit.State.IN_SERVICE)
    keys = opening.engine_keys()
    object.__setattr__(keys, "active", None)
    with monkeypatch.context() as patched:
        patched.setattr("appliance.content.engine.collect.engine_keys", lambda: keys)
        assert unit.refused(waiting.pop()) == "content.no-active-key"
        assert unit.done(collect(dry_run=True)).result["packs"] == len(before)
    lost = VirtualImage.objects.create(
        name="lost", state=VirtualImage.State.READY, recipe="ab" * 32, source="file", owner_name=""
    )
    job = waiting.pop()
    assert unit.refused(job) == "content.evidence-lacking"
    assert job.refusal["facts"]["problem"]["code"] == "content.recipe-unknown"
    lost.delete()
    assert packs(unit) == before


# ---- frees -------------------------------------------------------------------------------------------------


def test_what_died_is_gone_after_its_grace_and_a_dry_run_before_says_so_and_changes_nothing(
    unit: Bench,
) -> None:
    content, (old,) = unit.digests(), packs(unit)
    for _ in range(2):
        found = unit.done(collect(dry_run=True)).result
    assert found["dry_run"] is True
    assert found["repacked"]["packs"] == found["repackable_packs"] == 1
    assert found["dead_bytes"] >= len(GONE)
    assert 0 < found["repacked"]["written_bytes"] < found["repacked"]["bytes"]
    assert found["removed"] == {"packs": 0, "bytes": 0, "kept_because": []}
    assert (packs(unit), unit.digests()) == ({old}, content)
    look = newest_look()
    assert look is not None
    assert (look.dry_run, look.written_bytes, look.live_bytes) == (True, 0, found["live_bytes"])
    assert last_collection() is None
    assert not Event.objects.filter(action="content.collecting").exists()

    first = unit.done(collect()).result
    assert first["removed"]["packs"] == 0
    assert first["repacked"]["packs"] == 1
    pass_days(6)
    assert unit.done(collect()).result["removed"]["packs"] == 0
    pass_days(2)
    last = unit.done(collect()).result
    assert last["removed"]["packs"] == 1
    assert last["stored_bytes"] < first["stored_bytes"]
    assert old not in packs(unit)
    assert unit.digests() == content
    look = last_collection()
    assert look is not None
    assert (look.removed_bytes, look.leaving_packs) == (last["removed"]["bytes"], 0)
    intents = Event.objects.filter(action="content.collecting", outcome="intent").order_by("sequence")
    removed: list[Any] = [event.facts["remove"] for event in intents]
    assert [found["packs"] for found in removed] == [0, 1]
    check_world()


def test_older_images_stay_bit_exact_the_next_one_sends_the_new_packs_and_both_bring_content_back(
    unit: Bench,
) -> None:
    gone = unit.add_image("gone", GONE)
    target = unit.add_target()
    older = unit.back_up(target)
    delete_image(gone, actor=ADMIN)
    before = objects_on(unit.path_of(target))

    pass_days(3)
    unit.done(collect())  # the database of this backup is not paid again by the next
    assert hooks.keepers() == [Keeper("disk", lets_go=False)]
    pass_days(5)
    kept_by = "without a retention policy old packs would stay beside the new ones: disk"
    assert _would_repack(unit) == (0, kept_by, [])
    assert _would_repack(unit, repack="always") == (1, None, [False])
    set_retention(target, actor=ADMIN, policy=Policy(keep_last=5), grace_days=0)
    BackupTarget.objects.create(name="a copy", kind="directory", copy_of=target)
    BackupTarget.objects.create(name="unused", kind="directory")
    assert _would_repack(unit) == (1, None, [True, True])
    assert _would_repack(unit, repack="never") == (0, "it was not asked for", [])
    BackupTarget.objects.exclude(pk=target.pk).delete()

    unit.done(collect())
    pass_days(8)
    BackupImage.objects.filter(pk=older.pk).update(
        state=BackupImage.State.DAMAGED, problem={"code": "image.pack-missing", "title": "", "next_step": ""}
    )
    found = unit.done(collect()).result["removed"]
    assert found["packs"] == 0
    assert "may be healed" in found["kept_because"][0]
    BackupImage.objects.update(state=BackupImage.State.VERIFIED, problem=None)
    assert unit.done(collect()).result["removed"]["packs"] >= 1
    assert objects_on(unit.path_of(target)) == before  # nothing on a target is touched
    seen = unit.done(start_use(target, actor=ADMIN)).result
    assert seen["needed_bytes"] < seen["stored_bytes"] == seen["needed_bytes"] + seen["older_bytes"]
    assert seen["loose_bytes"] == 0

    newer = unit.back_up(target)
    assert newer.state == BackupImage.State.VERIFIED
    assert newer.stored_bytes < older.stored_bytes
    assert unit.verify(older).state == Job.State.DONE
    for image, name in ((older, "gone"), (newer, "kept")):
        unit.done(start_object_list(image, actor=ADMIN))
        back = start_object_restore(
            image,
            objects_of(image).get(name=name).object_id,
            actor=ADMIN,
            name=f"{name} again",
            clash="keep-both",
        )
        row = VirtualImage.objects.get(pk=unit.done(back).result["virtual_image"])
        assert unit.digest_of(row) == unit.content[name]
    check_world()


def _would_repack(bench: Bench, **choices: Any) -> tuple[int, str | None, list[bool]]:
    found = bench.done(collect(dry_run=True, **choices)).result["repacked"]
    return found["packs"], found["left_out_because"], [sent["lets_go"] for sent in found["sent_again"]]


# ---- beside others, and ended early ------------------------------------------------------------------------


def test_it_waits_for_the_store_and_keeps_what_a_replaced_job_put_and_did_not_tell_of_yet(
    unit: Bench,
) -> None:
    target = unit.add_target()
    backup, collection = start_backup(target, actor=ADMIN), collect()
    held = {"state": Job.State.RUNNING, "exclusive": "store", "lease_token": uuid.uuid4()}
    Job.objects.filter(pk=backup.pk).update(**held)
    assert unit.work(collection).state == Job.State.QUEUED
    unit.lose(backup)
    unit.done(collection)
    # A job finds every chunk in packs that leave; its lease is lost before it told the catalogue; a
    # collection runs; then it goes on.
    pass_days(8)
    with opening.open_store() as store, store.batch() as batch:
        put = batch.put_stream(Reader(GONE))
    assert put.new_bytes == 0
    assert unit.done(collect(grace_days=1)).result["removed"]["packs"] == 0
    row = unit.add_image("late", GONE)
    assert (row.recipe, unit.digest_of(row)) == (put.recipe, unit.content["late"])


def test_cancelled_or_killed_anywhere_nothing_is_half_done_and_the_next_attempt_ends_it(
    unit: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at every third write of a run that removes and repacks."""
    content = unit.digests()
    unit.add_image("short", noise(7, 300 * KIB)).delete()
    pass_days(8)
    unit.done(collect(repack="never"))
    pass_days(8)
    job = collect()

    def intend(*_: Any) -> None:
        cancel_job(actor=ADMIN, job=job)
        unit.context_of(job).renew()

    with monkeypatch.context() as patched:
        unit.watch_contexts(patched)
        patched.setattr("appliance.content.engine.collect._intend", intend)
        assert unit.work(job).state == Job.State.CANCELLED
    assert unit.digests() == content
    assert StoreLook.objects.count() == 1

    job, at = collect(), 1
    while unit.killed(job, at):
        assert unit.digests() == content
        unit.lose(job)
        at += 3
    assert job.state == Job.State.DONE
    assert at > 6
    assert unit.digests() == content
    for _ in range(2):  # what a kill left was seen for the first time by the attempt after it
        pass_days(8)
        found = unit.done(collect()).result
    assert found["leaving_packs"] == 0
    assert unit.digests() == content
    check_world()
