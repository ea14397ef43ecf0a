"""Pruning a real target: refusals and attacks first, both phases, then kills and other work beside it.

A unit with four images takes two seconds to make, so a test does in a row what one unit can bear."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F

from appliance.backup.actions import (
    connect_target,
    expire_image,
    keep_image,
    protect_image,
    set_retention,
    start_backup,
    start_prune,
    start_verify,
    unprotect_image,
)
from appliance.backup.engine import collect
from appliance.backup.errors import (
    BadRetentionRule,
    DeletionBegun,
    ImageHeld,
    ImageNotUsable,
    KeepsNothing,
    NoRetentionPolicy,
    OutboundIsPaused,
)
from appliance.backup.models import BackupImage, BackupTarget, LoosePack
from appliance.backup.retention import Policy
from appliance.catalog.models import VirtualImage
from appliance.unit.models import Unit
from audit.models import Event
from jobs.actions import cancel_job
from jobs.models import Job
from sealing.documents import deletion_record
from tests.support.bench import ADMIN, KIB, Bench, noise, objects_on
from tests.support.world import check_world

S = BackupImage.State
DAY = timedelta(days=1)


@pytest.fixture
def four(bench: Bench) -> tuple[Bench, BackupTarget, list[BackupImage]]:
    """Four verified images, a day apart; the virtual image "extra" stands only in the second of them."""
    bench.stage("four-images", lambda: make_four(bench))
    target = BackupTarget.objects.get()
    return bench, target, list(target.images.order_by("sequence"))


def make_four(bench: Bench) -> None:
    bench.put_unit()
    bench.add_image("first", noise(1, 64 * KIB))
    target = bench.add_target()
    images = [bench.back_up(target)]
    extra = bench.add_image("extra", noise(9, 400 * KIB))
    images.append(bench.back_up(target))
    extra.delete()
    images += [bench.back_up(target) for _ in range(2)]
    for age, image in enumerate(reversed(images)):
        BackupImage.objects.filter(pk=image.pk).update(made_at=F("made_at") - age * DAY)
    set_retention(target, actor=ADMIN, policy=Policy(keep_last=1), grace_days=0, quota_percent=100)


def prune(bench: Bench, target: BackupTarget, **options: Any) -> Job:
    return bench.work(start_prune(target, actor=ADMIN, **options))


def states(target: BackupTarget) -> list[str]:
    return list(target.images.order_by("sequence").values_list("state", flat=True))


def deletions(place: Path) -> int:
    return len(list(place.rglob("deletion.jws")))


# ---- refused -----------------------------------------------------------------------------------------------


def hide_all(place: Path) -> None:
    """The attack: only the marker shows."""
    (place / "chains").rename(place / "hidden.tmp-")


def hide_a_header(place: Path, sequence: int) -> None:
    (header,) = place.glob(f"chains/*/{sequence:010d}-*/header.jws")
    header.unlink()


def roll_back(place: Path) -> None:
    (newest,) = place.glob("chains/*/0000000004-*")
    shutil.rmtree(newest)


def exchange(place: Path) -> None:
    (first,) = place.glob("chains/*/0000000001-*/header.jws")
    (second,) = place.glob("chains/*/0000000002-*/header.jws")
    first.write_bytes(second.read_bytes())


def lose_the_list_that_stays(place: Path) -> None:
    (listing,) = place.glob("chains/*/0000000004-*/packs.json")
    listing.unlink()


def lose_a_pack_that_stays(place: Path) -> None:
    (listing,) = place.glob("chains/*/0000000004-*/packs.json")
    digest = json.loads(listing.read_bytes())["packs"][0][0]
    (place / f"packs/{digest[:2]}/{digest}.pack").unlink()


def forge_a_record(place: Path) -> None:
    (third,) = place.glob("chains/*/0000000003-*")
    (third / "deletion.jws").write_text("e30.e30.e30")


ATTACKS: list[Callable[[Path], None]] = [
    hide_all,
    lambda place: hide_a_header(place, 1),
    lambda place: hide_a_header(place, 3),
    roll_back,
    exchange,
    lose_the_list_that_stays,
    lose_a_pack_that_stays,
    forge_a_record,
]


def test_whatever_the_storage_shows_of_less_than_is_known_makes_prune_delete_nothing(
    four: Any, tmp_path: Path
) -> None:
    bench, target, _ = four
    place, whole = bench.path_of(target), tmp_path / "whole"
    shutil.copytree(place, whole)
    for attack in ATTACKS:
        attack(place)
        before = objects_on(place)
        code = bench.refused(start_prune(target, actor=ADMIN))
        assert code in ("prune.evidence-lacking", "target.listing-incomplete"), attack
        assert objects_on(place) == before
        shutil.rmtree(place)
        shutil.copytree(whole, place)
        BackupImage.objects.update(state=S.VERIFIED, problem=None)
    assert set(states(target)) == {S.VERIFIED}


def test_what_makes_no_policy_or_forbids_to_act_prunes_nothing(bench: Bench) -> None:
    bench.put_unit()
    target = bench.add_target()
    with pytest.raises(NoRetentionPolicy):
        start_prune(target, actor=ADMIN)
    with pytest.raises(KeepsNothing):
        set_retention(target, actor=ADMIN, policy=Policy())
    for wrong in ({"grace_days": -1}, {"quota_percent": 0}, {"quota_percent": 101}):
        with pytest.raises(BadRetentionRule):
            set_retention(target, actor=ADMIN, policy=Policy(daily=1), **wrong)
    for _ in range(2):
        bench.back_up(target, verify=False)
    set_retention(target, actor=ADMIN, policy=Policy(keep_last=1), grace_days=0)
    for job in bench.waiting("backup.verify"):
        cancel_job(actor=ADMIN, job=job)
    found = prune(bench, target).result
    assert found["expired"] == found["deleted"] == []  # nobody verified them
    assert set(states(target)) == {S.COMMITTED}
    queued = start_prune(target, actor=ADMIN)
    Unit.objects.update(outbound_paused=True)
    with pytest.raises(OutboundIsPaused):
        start_prune(target, actor=ADMIN)
    assert bench.refused(queued) == "prune.outbound-paused"


# ---- by hand -----------------------------------------------------------------------------------------------


def test_what_is_held_stays_and_what_is_marked_by_hand_goes_after_the_grace(four: Any) -> None:
    bench, target, images = four
    with pytest.raises(ImageHeld) as newest:
        expire_image(BackupImage.objects.get(pk=images[3].pk), actor=ADMIN, why="test")
    assert newest.value.facts["reasons"] == ["newest"]
    start_verify(images[1], actor=ADMIN)  # a job is about it
    protect_image(images[0], actor=ADMIN, why="audit of 2026")
    held = BackupImage.objects.get(pk=images[0].pk)
    assert (held.protected_by, held.protected_why) == (ADMIN.name, "audit of 2026")
    with pytest.raises(ImageHeld):
        expire_image(held, actor=ADMIN, why="test")
    prune(bench, target)
    assert states(target) == [S.VERIFIED, S.VERIFIED, S.DELETED, S.VERIFIED]
    unprotect_image(held, actor=ADMIN)
    bench.done_all("backup.verify")
    target.retention.delete()
    target = BackupTarget.objects.get(pk=target.pk)
    expire_image(BackupImage.objects.get(pk=images[1].pk), actor=ADMIN, why="made by mistake")
    assert prune(bench, target).result["deleted"] == []
    BackupImage.objects.filter(pk=images[1].pk).update(expired_at=F("expired_at") - 8 * DAY)
    prune(bench, target)
    gone = BackupImage.objects.get(pk=images[1].pk)
    assert gone.state == S.DELETED
    assert deletion_record.read(gone.deletion, bench.maker.trust).reason == "by-hand"
    with pytest.raises(ImageNotUsable):
        protect_image(gone, actor=ADMIN, why="too late")
    BackupImage.objects.filter(pk=images[3].pk).update(state=S.COMMITTED)
    with pytest.raises(ImageHeld) as last:
        expire_image(BackupImage.objects.get(pk=images[0].pk), actor=ADMIN, why="test")
    assert last.value.facts["reasons"] == ["last-verified"]


def test_an_image_that_the_storage_lost_blocks_pruning_until_a_person_gives_it_up(four: Any) -> None:
    bench, target, images = four
    hide_a_header(bench.path_of(target), 2)
    assert bench.refused(start_prune(target, actor=ADMIN)) == "prune.evidence-lacking"
    lost = BackupImage.objects.get(pk=images[1].pk)
    assert (lost.state, (lost.problem or {}).get("code")) == (S.DAMAGED, "image.header-missing")
    expire_image(lost, actor=ADMIN, why="the disk lost it")
    prune(bench, target)
    assert states(target) == [S.DELETED, S.DELETED, S.DELETED, S.VERIFIED]
    target.refresh_from_db()
    bench.done(connect_target(target, actor=ADMIN))
    target.refresh_from_db()
    assert target.findings == []


# ---- both phases -------------------------------------------------------------------------------------------


def test_expired_images_stay_whole_for_the_grace_and_come_back(four: Any) -> None:
    bench, target, images = four
    set_retention(target, actor=ADMIN, policy=Policy(keep_last=1), grace_days=7)
    before = objects_on(bench.path_of(target))
    job = prune(bench, target)
    assert sorted(entry["sequence"] for entry in job.result["expired"]) == [1, 2, 3]
    assert states(target) == [S.EXPIRED, S.EXPIRED, S.EXPIRED, S.VERIFIED]
    assert objects_on(bench.path_of(target)) == before
    back = keep_image(BackupImage.objects.get(pk=images[0].pk), actor=ADMIN)
    assert (back.state, back.expired_at) == (S.VERIFIED, None)
    with pytest.raises(ImageNotUsable):
        keep_image(back, actor=ADMIN)
    set_retention(target, actor=ADMIN, policy=Policy(keep_last=9), grace_days=7)
    assert prune(bench, target).result["kept_again"] == 2
    assert set(states(target)) == {S.VERIFIED}


def test_a_dry_run_says_what_is_lost_and_the_run_does_that_and_leaves_records(four: Any) -> None:
    bench, target, images = four
    place = bench.path_of(target)
    before = objects_on(place)
    (listing,) = place.glob("chains/*/0000000004-*/packs.json")
    needed = {digest for digest, _ in json.loads(listing.read_bytes())["packs"]}
    found = prune(bench, target, dry_run=True).result
    assert objects_on(place) == before
    assert set(states(target)) == {S.VERIFIED}
    lost = {entry["sequence"]: entry for entry in found["deleted"]}
    assert sorted(lost) == [1, 2, 3]
    (made_at,) = BackupImage.objects.filter(pk=images[1].pk).values_list("made_at", flat=True)
    assert (made_at is not None, lost[2]["made_at"]) == (True, str(made_at).replace(" ", "T"))
    assert {item["name"]: item["size"] for item in lost[2]["objects"]}["extra"] == 400 * KIB
    assert found["packs"]["bytes_freed"] > 400 * KIB

    real = prune(bench, target).result
    for figure in ("deleted", "bytes_freed"):
        assert real["packs"][figure] == found["packs"][figure]
    assert states(target) == [S.DELETED, S.DELETED, S.DELETED, S.VERIFIED]
    assert {path.stem for path in place.rglob("*.pack")} == needed
    assert not LoosePack.objects.exists()
    records = [deletion_record.read(p.read_text(), bench.maker.trust) for p in place.rglob("deletion.jws")]
    assert sorted(record.sequence for record in records) == [1, 2, 3]
    assert len(list(place.rglob("header.jws"))) == 1
    events = Event.objects.filter(action__in=["backup.deleting", "backup.deleted"]).order_by("sequence")
    assert (
        list(events.values_list("action", "outcome"))
        == [
            ("backup.deleting", "intent"),
            ("backup.deleted", "done"),
        ]
        * 3
    )
    with pytest.raises(DeletionBegun):
        keep_image(BackupImage.objects.get(pk=images[0].pk), actor=ADMIN)
    after = bench.back_up(target)
    assert (after.sequence, after.state) == (5, S.VERIFIED)
    target.refresh_from_db()
    assert (target.findings, target.freshness) == ([], "proven")
    check_world(open_value=bench.maker.open_value)
    BackupImage.objects.all().delete()
    bench.done(connect_target(target, actor=ADMIN))
    target.refresh_from_db()
    assert (states(target), target.findings) == ([S.COMMITTED, S.COMMITTED], [])


def test_a_loose_pack_goes_late_and_none_while_a_list_or_another_unit_leaves_doubt(four: Any) -> None:
    bench, target, _ = four
    set_retention(target, actor=ADMIN, policy=Policy(keep_last=2), grace_days=0, quota_percent=100)
    place = bench.path_of(target)
    stray = place / "packs" / "ab" / f"{'ab' * 32}.pack"
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"sent for an image that has no list yet")
    prune(bench, target)
    assert stray.exists()
    LoosePack.objects.update(created_at=F("created_at") - 2 * collect.SETTLED)

    other = place / "chains" / ("ab" * 32) / f"0000000001-{'cd' * 16}"
    other.mkdir(parents=True)
    listing = {
        "format": "strongroom-pack-list",
        "version": 1,
        "image": "cdcdcdcd-cdcd-cdcd-cdcd-cdcdcdcdcdcd",
        "packs": [["ee" * 32, 65536]],
    }
    (other / "packs.json").write_text(json.dumps(listing, sort_keys=True, separators=(",", ":")) + "\n")
    assert "another unit" in prune(bench, target).result["packs"]["kept_because"]
    shutil.rmtree(other.parent)

    (third,) = place.glob("chains/*/0000000003-*/packs.json")
    whole = third.read_bytes()
    third.write_bytes(whole.replace(b"1", b"2", 1))
    assert "cannot be relied on" in prune(bench, target).result["packs"]["kept_because"]
    assert stray.exists()

    third.write_bytes(whole)
    assert prune(bench, target).result["packs"]["deleted"] == 1
    assert not stray.exists()


# ---- kills, and other work beside it -----------------------------------------------------------------------


def test_a_prune_killed_at_every_second_write_is_finished_and_the_quota_bounds_each_run(four: Any) -> None:
    bench, target, _ = four
    set_retention(target, actor=ADMIN, policy=Policy(keep_last=1), grace_days=0, quota_percent=25)
    job = start_prune(target, actor=ADMIN)
    at = 1
    while bench.killed(job, at):
        assert states(target).count(S.DELETED) <= at
        check_world(scan=False)
        bench.lose(job)
        at += 2
    assert at > 4
    for _ in range(3):
        prune(bench, target)
    assert states(target) == [S.DELETED, S.DELETED, S.DELETED, S.VERIFIED]
    assert deletions(bench.path_of(target)) == 3
    assert len(list(bench.path_of(target).rglob("packs.json"))) == 1
    check_world(scan=False)
    assert bench.back_up(target).state == S.VERIFIED


def test_a_prune_does_not_run_beside_a_backup_and_both_end_well(
    four: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from appliance.backup.engine import write

    bench, target, _ = four
    waiting = start_prune(target, actor=ADMIN)
    real, seen = write.send_packs, []

    def meanwhile(*args: Any, **options: Any) -> Any:
        sent = real(*args, **options)
        bench.work(waiting)
        seen.append((waiting.state, deletions(bench.path_of(target))))
        return sent

    monkeypatch.setattr("appliance.backup.engine.write.send_packs", meanwhile)
    bench.add_image("more", noise(11))
    bench.done(start_backup(target, actor=ADMIN))
    assert seen == [(Job.State.QUEUED, 0)]
    for job in bench.waiting("backup.verify"):
        bench.done(job)
    bench.done(waiting)
    assert states(target) == [S.DELETED] * 4 + [S.VERIFIED]
    assert VirtualImage.objects.count() == 2
    check_world(open_value=bench.maker.open_value)
