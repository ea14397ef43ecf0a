"""Copies of a repository: sealed packs and signed headers move as they are, and nothing is sent twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from appliance.backup.actions.add_target import add_target
from appliance.backup.actions.connect_target import connect_target
from appliance.backup.actions.remove_target import remove_target
from appliance.backup.actions.start_backup import start_backup
from appliance.backup.actions.start_copy import start_copy
from appliance.backup.engine import house
from appliance.backup.engine.repository import pack_name
from appliance.backup.errors import CopyRefused, TargetIsCopy
from appliance.backup.models import BackupImage, BackupTarget, ImageCopy
from jobs.models import Job
from tests.support.bench import ADMIN, Bench, damage, noise, objects_on
from tests.support.people import sign_in
from tests.support.stores import S3_CREDENTIALS, make_bucket, s3_server


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with s3_server() as found:
        make_bucket(found, "vault")
        yield found


def add_copy(bench: Bench, source: BackupTarget, name: str = "copy") -> BackupTarget:
    place = bench.targets / name
    place.mkdir()
    row = add_target(actor=ADMIN, name=name, kind="directory", settings={"path": str(place)}, copy_of=source)
    bench.done(bench.waiting("backup.survey").get())
    row.refresh_from_db()
    return row


def test_what_must_not_be_copied_is_refused_and_a_copy_is_never_backed_up_to(unit_on_bench: Bench) -> None:
    bench = unit_on_bench
    source, other = bench.add_target("source"), bench.add_target("other")
    image = bench.back_up(source, verify=False)
    copy = add_copy(bench, source)
    assert copy.repository_id == source.repository_id
    for wrong in (other, source):
        with pytest.raises(CopyRefused):
            start_copy(source, actor=ADMIN, to=wrong)
    with pytest.raises(CopyRefused):
        add_target(actor=ADMIN, name="x", kind="directory", settings={"path": "/mnt/x"}, copy_of=copy)
    with pytest.raises(TargetIsCopy):
        start_backup(copy, actor=ADMIN)
    # The same place named again as a target of its own is seen to be a copy, and refused by the engine too.
    job = start_backup(source, actor=ADMIN)
    BackupTarget.objects.filter(pk=source.pk).update(copy_of=other)
    assert bench.refused(job) == "target.is-a-copy"
    BackupTarget.objects.filter(pk=source.pk).update(copy_of=None)
    # A pack that is damaged on the source is not copied, and no image that needs it appears.
    place, pack = bench.path_of(source), next(iter(sorted((bench.path_of(source) / "packs").rglob("*.pack"))))
    sound = pack.read_bytes()
    damage(pack, "swapped")
    assert bench.refused(start_copy(source, actor=ADMIN, to=copy)) == "target.object-damaged"
    pack.write_bytes(sound)
    listing = next(place.glob("chains/*/*/packs.json"))
    whole = listing.read_bytes()
    damage(listing, "truncated")
    assert bench.refused(start_copy(source, actor=ADMIN, to=copy)) == "image.pack-list-damaged"
    listing.write_bytes(whole)
    assert [name for name in objects_on(bench.path_of(copy)) if name.endswith("header.jws")] == []
    assert not ImageCopy.objects.exists()
    # Killed at any write, the copy goes on where it stopped, and ends equal to its source.
    url = f"/api/v1/backup-targets/{source.pk}/copy"
    for role, status in (("auditor", 403), ("recovery-operator", 403), ("member", 403), ("admin", 202)):
        answer = sign_in(role).post(url, {"to": str(copy.pk)}, format="json")
        assert answer.status_code == status
    job = bench.waiting("backup.copy").get()
    deaths = []
    for at in (3, 12, 25):
        deaths.append(bench.killed(job, at))
        bench.lose(job)
    assert bench.done(job).result["images"] == 1
    assert deaths == [True, True, True]
    assert objects_on(bench.path_of(copy)) == objects_on(place)
    assert [found.image_id for found in ImageCopy.objects.all()] == [image.pk]


def test_a_copy_on_another_kind_of_store_takes_the_place_of_a_lost_original(
    unit_on_bench: Bench, address: str
) -> None:
    bench = unit_on_bench
    source = bench.add_target("source")
    first = bench.back_up(source)
    copy = add_target(
        actor=ADMIN,
        name="bucket",
        kind="s3",
        settings={"bucket": "vault", "endpoint": address},
        credentials=S3_CREDENTIALS,
        private_addresses=True,
        copy_of=source,
    )
    bench.done(bench.waiting("backup.survey").get())
    one = bench.done(start_copy(source, actor=ADMIN, to=copy)).result
    assert (one["images"], one["bytes_there"], one["findings"]) == (1, 0, 0)
    bench.add_image("third", noise(7))
    second = bench.back_up(source)
    two = bench.done(start_copy(source, actor=ADMIN, to=copy))
    assert two.result["bytes_there"] == one["bytes_sent"]
    assert 0 < two.result["bytes_sent"] < second.stored_bytes
    assert (two.done_amount, two.amount_unit) == (two.total_amount, "bytes")
    copy.refresh_from_db()
    there = house.open_row(copy)
    objects = objects_on(bench.path_of(source))
    assert {stat.name: there.get_bytes(stat.name, limit=1 << 26) for stat in there.list()} == objects
    assert pack_name("0" * 64) not in objects
    assert ImageCopy.objects.filter(target=copy).count() == 2
    # The original is lost and removed here: the copy stands by itself, its images known and whole.
    bench.done_all("backup.lodge_head")
    remove_target(source, actor=ADMIN)
    copy.refresh_from_db()
    assert copy.copy_of_id is None
    bench.done(connect_target(copy, actor=ADMIN))
    images = list(BackupImage.objects.filter(target=copy).order_by("sequence"))
    assert [image.pk for image in images] == [first.pk, second.pk]
    assert bench.verify(images[1]).state == Job.State.DONE
    assert bench.back_up(copy).sequence == 3
