"""Backups onto a real target: refusals, what is written, what is not sent again."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from appliance.backup.actions import start_backup
from appliance.backup.engine import write
from appliance.backup.engine.repository import Place, decode_pack_list, pack_name
from appliance.backup.errors import KeyNotProven, MustRotate, NoActiveKey
from appliance.backup.models import BackupImage, BackupTarget
from appliance.backup.targets import ObjectStat
from appliance.backup.targets.directory import DirectoryTarget
from appliance.unit.models import Unit
from audit.models import Event
from config.site import site
from ground.refusals import Missing, Refusal
from jobs.actions import start_job
from jobs.models import Job
from sealing.content.header import header_digest
from sealing.content.keys import HeldKeys
from sealing.content.manifest import PackRef
from sealing.documents import head as heads
from sealing.documents import image_header
from tests.support.bench import ADMIN, MIB, Bench, damage, noise, objects_on
from tests.support.world import check_world


def place_of(image: BackupImage) -> Place:
    return Place(image.chain, image.sequence, image.pk)


def run(bench: Bench, target: BackupTarget) -> Job:
    """A backup job, past the action's own checks."""
    job = start_job("backup.run", actor=ADMIN, params={"target": str(target.pk)})
    return bench.work(job)


# ---- refused -----------------------------------------------------------------------------------------------


def test_a_unit_without_a_key_makes_no_backup_and_writes_nothing(bench: Bench) -> None:
    bench.put_blank_unit("SR-A-0001")
    bench.keys.enrol(bench.maker.enrol(bench.keys.status()))
    bench.sync()
    Unit.objects.update(state=Unit.State.IN_SERVICE)
    target = bench.add_target()
    before = objects_on(bench.path_of(target))
    with pytest.raises(NoActiveKey):
        start_backup(target, actor=ADMIN)
    job = run(bench, target)
    assert (job.state, job.refusal["code"]) == ("failed", "backup.no-active-key")
    assert objects_on(bench.path_of(target)) == before
    assert not BackupImage.objects.exists()


def test_a_key_that_is_made_and_not_proven_makes_no_backup(bench: Bench) -> None:
    bench.put_blank_unit("SR-A-0001")
    bench.keys.enrol(bench.maker.enrol(bench.keys.status()))
    info = bench.keys.generate(who="test", why="test")
    (value,) = bench.keys.seal_values(info.key_id)
    bench.keys.accept_receipt(info.key_id, bench.maker.receive(value))
    bench.sync()
    Unit.objects.update(state=Unit.State.IN_SERVICE)
    target = bench.add_target()
    assert run(bench, target).refusal["code"] == "backup.no-active-key"


def test_the_rows_cannot_talk_a_backup_into_an_unproven_key(bench: Bench) -> None:
    """The web tier may write any row: the job asks the key process."""
    bench.put_unit()
    target = bench.add_target()
    from appliance.keys.models import KeyEpoch

    KeyEpoch.objects.update(proof_how="", durable=False)
    with pytest.raises(KeyNotProven):
        start_backup(target, actor=ADMIN)
    Unit.objects.update(state=Unit.State.MUST_ROTATE)
    with pytest.raises(MustRotate):
        start_backup(target, actor=ADMIN)


def test_a_target_that_is_gone_refuses_and_says_so_on_its_row(unit_on_bench: Bench) -> None:
    bench = unit_on_bench
    target = bench.add_target()
    bench.path_of(target).rename(bench.targets / "elsewhere")
    assert run(bench, target).refusal["code"] == "target.absent"
    target.refresh_from_db()
    assert (target.state, (target.problem or {})["code"]) == ("refused", "target.absent")


def test_an_unmounted_disk_is_not_taken_for_a_fresh_target(unit_on_bench: Bench) -> None:
    bench = unit_on_bench
    target = bench.add_target()
    bench.path_of(target).rename(bench.targets / "elsewhere")
    bench.path_of(target).mkdir()
    assert run(bench, target).refusal["code"] == "target.not-a-repository"
    assert list(bench.path_of(target).iterdir()) == []


@pytest.mark.root
def test_a_target_mounted_read_only_refuses(unit_on_bench: Bench, small_disk: Path) -> None:
    bench = unit_on_bench
    target = bench.add_target("small")
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert run(bench, target).refusal["code"] == "target.read-only"
    assert not BackupImage.objects.exists()


@pytest.mark.root
def test_a_full_target_refuses_commits_nothing_and_goes_on_when_there_is_room(
    unit_on_bench: Bench, small_disk: Path
) -> None:
    bench = unit_on_bench
    target = bench.add_target("small")
    bench.add_image("large", noise(7, 3 * MIB))
    assert run(bench, target).refusal["code"] == "target.full"
    assert BackupImage.objects.get().state == "abandoned"
    assert not list(small_disk.rglob("header.jws"))
    check_world(open_value=bench.maker.open_value)
    sent = {name for name in objects_on(small_disk) if name.startswith("packs/")}
    subprocess.run(["mount", "-o", "remount,size=16m", small_disk], check=True)
    image = bench.back_up(target)
    assert image.state == "verified"
    assert sent <= set(objects_on(small_disk)), "what was sent before the disk was full is not sent again"


def test_a_target_that_is_not_known_is_missing(unit_on_bench: Bench) -> None:
    job = start_job("backup.run", actor=ADMIN, params={"target": "00000000-0000-4000-8000-000000000000"})
    assert unit_on_bench.refused(job) == Missing.code


@pytest.mark.parametrize("how", ["flipped", "truncated", "swapped", "missing"])
def test_a_damaged_pack_in_the_store_stops_the_backup_and_nothing_is_committed(
    unit_on_bench: Bench, how: str
) -> None:
    bench = unit_on_bench
    target = bench.add_target()
    pack = max(
        (p for p in (site().store / "packs").rglob("*") if p.is_file()), key=lambda p: p.stat().st_size
    )
    damage(pack, how)
    job = run(bench, target)
    assert job.state == "failed"
    assert job.refusal["code"] in {
        "backup.store-damaged",
        "backup.in-the-clear",
        "content.pack-missing",
        "content.recipe-unknown",
    }
    assert not list(bench.path_of(target).rglob("header.jws"))


def test_a_file_that_is_not_sealed_never_leaves(unit_on_bench: Bench) -> None:
    """Clear text in the place of a pack, under the very digest of that clear text."""
    bench = unit_on_bench
    clear = noise(9, 65536)
    with bench.store() as store:
        keys = bench.held_keys()
        digest = hashlib.sha256(clear).hexdigest()
        path = store.pack_path(store.packs()[0].digest).parent.parent / digest[:2] / digest
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(clear)
        ref = PackRef(digest, len(clear), store.packs()[0].data_key)
        target = bench.open(bench.add_target())
        with pytest.raises(Refusal) as refused:
            write.send_packs([ref], store, keys, target, lambda *_: None, lambda: None)
    assert refused.value.code == "backup.in-the-clear"
    assert target.stat(pack_name(digest)) is None


# ---- made --------------------------------------------------------------------------------------------------


def test_a_backup_is_committed_verified_and_recorded(unit_on_bench: Bench) -> None:
    bench = unit_on_bench
    target = bench.add_target()
    image = bench.back_up(target)
    assert (image.state, image.own, image.sequence, image.epoch, image.proof) == (
        "verified",
        True,
        1,
        1,
        "drilled",
    )
    assert image.object_count == 2
    assert Event.objects.filter(action="backup.committed", subject=f"backup-image:{image.pk}").exists()
    check_world(open_value=bench.maker.open_value)


def test_the_header_is_what_the_page_says_and_names_nobody(unit_on_bench: Bench) -> None:
    bench = unit_on_bench
    target = bench.add_target()
    image = bench.back_up(target)
    place, objects = place_of(image), objects_on(bench.path_of(target))
    signed = image_header.read(objects[place.header].decode(), bench.maker.trust)
    header = signed.header
    assert header.serial == "SR-A-0001"
    assert header.chain.target == str(target.repository_id)
    assert (header.chain.sequence, header.chain.previous) == (1, None)
    assert header.objects == 2
    packs = decode_pack_list(objects[place.packs], image.pk)
    assert len(packs) == header.packs
    assert sum(packs.values()) == header.stored_bytes
    assert {pack_name(digest) for digest in packs} <= set(objects)
    header.pack_list.check(objects[place.packs], "packs.json")
    header.manifest.check(objects[place.manifest], "manifest.sealed")
    clear = b"".join(data for name, data in objects.items() if not name.startswith("packs/"))
    for name in (b"first", b"second", b"ada"):
        assert name not in clear


def test_many_packs_are_asked_for_by_one_listing_and_what_it_leaves_out_by_name(
    unit_on_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = unit_on_bench
    target = bench.add_target()
    bench.back_up(target)
    monkeypatch.setattr(write, "FEW_PACKS", 0)
    asked: list[str] = []
    real_stat, real_list = DirectoryTarget.stat, DirectoryTarget.list

    def stat(self: DirectoryTarget, name: str) -> ObjectStat | None:
        asked.append(name)
        return real_stat(self, name)

    monkeypatch.setattr(DirectoryTarget, "stat", stat)
    image = bench.back_up(target, verify=False)
    assert image.pack_count > 1
    assert len({name for name in asked if name.startswith("packs/")}) == 1, "the new one alone"

    asked.clear()
    monkeypatch.setattr(
        DirectoryTarget, "list", lambda self, prefix="": [] if prefix == "packs/" else real_list(self, prefix)
    )
    image = bench.back_up(target, verify=False)
    assert image.new_bytes < image.stored_bytes, "a listing that shows nothing proves nothing"
    assert len({name for name in asked if name.startswith("packs/")}) == image.pack_count


def test_packs_leave_the_unit_verbatim(unit_on_bench: Bench) -> None:
    bench = unit_on_bench
    target = bench.add_target()
    bench.back_up(target)
    sent = {
        Path(name).stem: data for name, data in objects_on(bench.path_of(target)).items() if "packs/" in name
    }
    with bench.store() as store:
        stored = {ref.digest: store.pack_path(ref.digest).read_bytes() for ref in store.packs()}
    assert sent.items() <= stored.items()


def test_a_second_backup_sends_only_what_is_new(unit_on_bench: Bench) -> None:
    bench = unit_on_bench
    target = bench.add_target()
    first = bench.back_up(target)
    idle = bench.back_up(target)
    bench.add_image("third", noise(3, 4 * MIB))
    grown = bench.back_up(target)
    assert idle.new_bytes < first.new_bytes, "nothing but the changed rows"
    assert 4 * MIB < grown.new_bytes < 6 * MIB
    assert grown.stored_bytes > first.stored_bytes
    assert [first.sequence, idle.sequence, grown.sequence] == [1, 2, 3]


def test_a_backup_with_nothing_new_opens_no_pack_that_is_there(
    unit_on_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = unit_on_bench
    target = bench.add_target()
    bench.back_up(target)
    there = set(objects_on(bench.path_of(target)))
    opened: list[str] = []
    real = write._guard_pack

    def guard(path: Path, pack: PackRef, keys: HeldKeys) -> None:
        opened.append(pack_name(pack.digest))
        real(path, pack, keys)

    monkeypatch.setattr(write, "_guard_pack", guard)
    image = bench.back_up(target)
    assert there.isdisjoint(opened)
    assert len(opened) < image.pack_count


def test_each_header_names_the_one_before(unit_on_bench: Bench) -> None:
    bench = unit_on_bench
    target = bench.add_target()
    one, two = bench.back_up(target), bench.back_up(target)
    signed = image_header.read(two.header, bench.maker.trust)
    assert signed.header.chain.previous == header_digest(one.header)
    head = heads.read(two.head, bench.maker.trust)
    assert (head.sequence, head.header, head.previous) == (2, signed.digest, one.header_digest)


def test_two_targets_have_chains_of_their_own(unit_on_bench: Bench) -> None:
    bench = unit_on_bench
    disk, other = bench.add_target("disk"), bench.add_target("other")
    assert [bench.back_up(disk).sequence, bench.back_up(other).sequence, bench.back_up(disk).sequence] == [
        1,
        1,
        2,
    ]
    check_world(open_value=bench.maker.open_value)


def test_an_image_after_a_rotation_opens_what_the_old_key_sealed(unit_on_bench: Bench) -> None:
    bench = unit_on_bench
    target = bench.add_target()
    first = bench.back_up(target)
    bench.rotate()
    bench.add_image("third", noise(3))
    second = bench.back_up(target)
    assert (first.epoch, second.epoch) == (1, 2)
    assert first.key_id != second.key_id
    assert second.new_bytes < first.stored_bytes + MIB, "a clean rotation sends nothing again"
    check_world(open_value=bench.maker.open_value)


def test_a_waived_drill_is_marked_in_the_header(bench: Bench) -> None:
    bench.put_blank_unit("SR-A-0001")
    bench.keys.enrol(bench.maker.enrol(bench.keys.status()))
    info = bench.keys.generate(who="test", why="test")
    (value,) = bench.keys.seal_values(info.key_id)
    bench.keys.accept_receipt(info.key_id, bench.maker.receive(value))
    bench.keys.waive_drill(info.key_id, admins=["ada"], why="no desk yet")
    bench.keys.activate(info.key_id, who="ada", why="first")
    bench.sync()
    Unit.objects.update(state=Unit.State.IN_SERVICE)
    image = bench.back_up(bench.add_target())
    assert image.proof == "waived"
    assert image_header.read(image.header, bench.maker.trust).header.is_waived


def test_an_empty_unit_can_be_backed_up(bench: Bench) -> None:
    bench.put_unit()
    image = bench.back_up(bench.add_target())
    assert (image.state, image.object_count) == ("verified", 0)
