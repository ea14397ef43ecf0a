"""One image as a single file: what is cut off, altered or foreign changes nothing; the whole comes back."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from django.core.management import CommandError, call_command

from appliance.backup.actions.start_export import start_export
from appliance.backup.actions.start_import import start_import
from appliance.backup.carried import PART, carried_files, directory, layout, open_carried
from appliance.backup.carried.errors import (
    CarriedDamaged,
    CarriedMalformed,
    CarriedName,
    CarriedRefusal,
    CarriedTooNew,
    CarriedTruncated,
    NoSuchCarriedFile,
    NotCarried,
)
from appliance.backup.engine import carry, house
from appliance.backup.errors import ImageForged, ImageNotUsable, ImageOfAnother
from appliance.backup.models import BackupImage, BackupTarget
from appliance.catalog.models import VirtualImage
from appliance.recovery.actions import start_restore
from jobs.models import Job
from tests.support.bench import ADMIN, Bench, objects_on
from tests.support.people import client_of, person

THREE = [("one/a", b"first bytes"), ("two", b"\n{}\n" * 5), ("three", b"z")]


def made(objects: list[tuple[str, bytes]]) -> bytes:
    """A file by the format page, without our writer."""
    heads = [layout.head_of(name, hashlib.sha256(data).hexdigest(), len(data)) for name, data in objects]
    body = b"".join(head + data + b"\n" for head, (_, data) in zip(heads, objects, strict=True))
    return b"strongroom-carried-image;v=1\n" + body + layout.end_of(heads)


@contextmanager
def opened(path: Path, data: bytes | None = None) -> Iterator[int]:
    if data is not None:
        path.write_bytes(data)
    descriptor = open_carried(path)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


# ---- the form ----------------------------------------------------------------------------------------------


def test_a_file_cut_off_at_any_byte_is_told_from_one_that_was_altered(tmp_path: Path) -> None:
    whole, path = made(THREE), tmp_path / "x"
    for length in range(len(whole)):
        with opened(path, whole[:length]) as descriptor, pytest.raises(CarriedTruncated):
            layout.scan(descriptor)
    with opened(path, whole) as descriptor:
        sections = layout.scan(descriptor)
        assert [(s.name, b"".join(layout.pieces(descriptor, s))) for s in sections] == THREE
        layout.check_end(descriptor)
    assert sections == layout.laid_out([(s.name, s.digest, s.size) for s in sections])


def test_an_altered_file_is_refused_by_what_is_wrong_with_it(tmp_path: Path) -> None:
    whole, path = made(THREE), tmp_path / "x"
    first = layout.head_of("one/a", hashlib.sha256(b"first bytes").hexdigest(), 11)
    for data, refusal in (
        (b"something else", NotCarried),
        (whole.replace(b";v=1", b";v=2"), CarriedTooNew),
        (whole + b"x", CarriedMalformed),
        (whole.replace(b"first bytes\n", b"first bytes "), CarriedMalformed),
        (whole.replace(b'{"name"', b'{ "name"', 1), CarriedMalformed),
        (whole.replace(b'"one/a"', b'"one/b"'), CarriedMalformed),  # the end's digest of heads
        (whole.replace(b'"sections":3', b'"sections":4'), CarriedMalformed),
        (whole.replace(first, b'{"name":"one/a","size":11}\n'), CarriedMalformed),
        (whole.replace(first, b'{"name":"one/a","sha256":"x","size":11}\n'), CarriedMalformed),
        (whole.replace(b'"size":11', b'"size":0'), CarriedMalformed),
        (whole.replace(b'"size":11', b'"size":99999999999'), CarriedMalformed),
        (whole.replace(b'"one/a"', b'"' + b"a" * 600 + b'"'), CarriedMalformed),
    ):
        with opened(path, data) as descriptor, pytest.raises(refusal):
            layout.scan(descriptor)
    with opened(path, whole.replace(b"first", b"First")) as descriptor:
        section = layout.scan(descriptor)[0]
        with pytest.raises(CarriedDamaged):
            list(layout.pieces(descriptor, section))


def test_only_plain_names_of_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/etc/hostname")
    for name in ("pipe", "link", "absent", "."):
        with pytest.raises(NoSuchCarriedFile):
            open_carried(tmp_path / name)


# ---- an image ----------------------------------------------------------------------------------------------


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def backed_up(unit_on_bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("STRONGROOM_CARRIED_DIR", str(tmp_path / "carried"))
    unit_on_bench.back_up(unit_on_bench.add_target())
    return unit_on_bench


def exported(bench: Bench) -> Path:
    """The one image, exported by its job."""
    job = bench.done(start_export(BackupImage.objects.get(), actor=ADMIN))
    return directory() / str(job.result["file"])


def test_what_cannot_be_exported_or_taken_in_is_refused(
    backed_up: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, image, target = backed_up, BackupImage.objects.get(), BackupTarget.objects.get()
    for name in ("../up", "a/b", ".hidden", "a" * 120, "x\n"):
        with pytest.raises(CarriedName):
            start_export(image, actor=ADMIN, name=name)
        with pytest.raises(CarriedName):
            start_import(target, actor=ADMIN, file=name)
    BackupImage.objects.update(state="damaged")
    with pytest.raises(ImageNotUsable):
        start_export(BackupImage.objects.get(), actor=ADMIN)
    BackupImage.objects.update(state="verified")
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda _: Usage(1, 1, 1))
        assert bench.refused(start_export(image, actor=ADMIN)) == "carried.no-room"
    assert bench.refused(start_import(target, actor=ADMIN, file="no.strongroom-image")) == (
        "carried.no-such-file"
    )
    path = exported(bench)
    whole = path.read_bytes()
    before = objects_on(bench.path_of(target))
    elsewhere = bench.add_target("elsewhere")  # connected, so a repository of its own
    assert bench.refused(start_import(elsewhere, actor=ADMIN, file=path.name)) == "carried.other-repository"
    # Cut at each boundary of a section, and one byte to each side of it.
    with opened(path) as descriptor:
        sections = layout.scan(descriptor)
    places = {0, 1, len(layout.MAGIC), len(whole) - 1}
    places |= {at + by for s in sections for at in (s.offset, s.offset + s.size, s.end) for by in (-1, 0, 1)}
    trust = house.trust_of(bench.keys.status())
    customer = image.customer_id

    def take(data: bytes, *, of: uuid.UUID | None = customer) -> None:
        with opened(tmp_path / "cut", data) as cut:
            carry.read_carried(cut, trust, customer=of, progress=lambda *_: None, check=lambda: None)

    for length in sorted(places):
        with pytest.raises(CarriedTruncated):
            take(whole[:length])
    path.write_bytes(whole[:-1])
    assert bench.refused(start_import(target, actor=ADMIN, file=path.name)) == "export.truncated"
    assert carried_files()[0].problem == {**CarriedTruncated(size=len(whole) - 1).as_dict()}
    # Every kind of section altered; sections left out, doubled or out of order; another customer's.
    header = sections[0]
    signature = header.offset + header.size - 1
    for at, refusal in (
        (sections[1].offset + 5, CarriedDamaged),
        (sections[2].offset + 5, CarriedRefusal),
        (sections[3].offset + 5, CarriedDamaged),
        (sections[-1].offset + 5, CarriedDamaged),
    ):
        with pytest.raises(refusal):
            take(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    contents = [(s.name, whole[s.offset : s.offset + s.size]) for s in sections]
    forged = whole[header.offset : signature - 40] + b"A" * 41
    with pytest.raises(ImageForged):
        take(made([(header.name, forged), *contents[1:]]))
    for altered in (contents[:-1], [*contents, contents[-1]], [*contents[:1], *contents[2:]], contents[:1]):
        with pytest.raises(CarriedMalformed):
            take(made(altered))
    with pytest.raises(CarriedMalformed):
        take(made([("packs/../../x", contents[0][1]), *contents[1:]]))
    with pytest.raises(CarriedMalformed):
        take(made([]))
    with pytest.raises(ImageOfAnother):
        take(whole, of=uuid.uuid4())
    assert objects_on(bench.path_of(target)) == before


def test_an_image_is_carried_to_an_empty_place_and_restored_from_there(backed_up: Bench) -> None:
    bench, image = backed_up, BackupImage.objects.get()
    client = client_of(person("admin", username="carrier"))
    answer = client.post(f"/api/v1/backup-images/{image.pk}/export", {}, format="json")
    job = bench.done(Job.objects.get(pk=answer.json()["id"]))
    path = directory() / job.result["file"]
    # Header first: anyone can tell whose it is, by the page alone.
    lines = path.read_bytes().split(b"\n", 3)
    assert lines[2].decode() == image.header
    (listed,) = client.get("/api/v1/carried-images").json()["files"]
    assert (listed["image"], listed["serial"], listed["problem"]) == (str(image.pk), image.serial, None)
    # The same again is there already; another file of that name is not overwritten.
    whole = path.read_bytes()
    assert bench.done(start_export(image, actor=ADMIN)).result == job.result
    path.write_bytes(b"mine")
    assert bench.refused(start_export(image, actor=ADMIN)) == "carried.exists"
    # An attempt that was cut off anywhere is taken up after its last whole section.
    path.unlink()
    part = path.with_name(path.name + PART)
    for kept in (whole[:9], whole[: len(whole) // 2], whole[:-3], b"x" * 5000, whole[:900] + b"x" * 90_000):
        part.write_bytes(kept)
        bench.done(start_export(image, actor=ADMIN))
        assert path.read_bytes() == whole
        path.unlink()
    assert not part.exists()
    exported(bench)

    # The unit and its target are lost; the file is carried to a blank replacement with an empty disk.
    values, head = bench.values_in(image), image.head
    lost = objects_on(bench.path_of(image.target))
    shutil.rmtree(bench.path_of(image.target))
    bench.put_blank_unit("SR-B-0001")
    fresh = bench.targets / "fresh"
    fresh.mkdir(parents=True)
    call_command("import_image_file", str(path), str(fresh))
    back = objects_on(fresh)
    assert back == {name: data for name, data in lost.items() if not name.startswith("heads/")}
    call_command("import_image_file", str(path), str(fresh))  # the same again: nothing to do
    assert objects_on(fresh) == back
    with pytest.raises(CommandError, match=r"carried\.no-such-file"):
        call_command("import_image_file", str(path) + "x", str(fresh))
    bench.add_target("fresh")
    bench.install(values, [head])
    # Taken in once more by its job, after a pack was lost: only that one is put.
    pack = next(fresh.glob("packs/*/*.pack"))
    pack.unlink()
    target = BackupTarget.objects.get()
    operator = client_of(person("recovery-operator", username="taker"))
    url = f"/api/v1/backup-targets/{target.pk}/import"
    answer = operator.post(url, {"file": path.name}, format="json")
    assert bench.done(Job.objects.get(pk=answer.json()["id"])).result["packs_new"] == 1
    bench.done_all("backup.survey")
    bench.done(start_restore(BackupImage.objects.get(), actor=ADMIN))
    assert bench.digests() == bench.content
    assert VirtualImage.objects.count() == 2


def test_export_and_import_go_on_after_any_kill(backed_up: Bench) -> None:
    bench, image, target = backed_up, BackupImage.objects.get(), BackupTarget.objects.get()
    whole = exported(bench)
    data = whole.read_bytes()
    whole.unlink()
    job, at = start_export(image, actor=ADMIN), 1
    while bench.killed(job, at):
        assert not whole.exists()
        bench.lose(job)
        Job.objects.filter(pk=job.pk).update(attempts=0)
        at += 5
    assert (job.state, whole.read_bytes(), at > 1) == ("done", data, True)
    before = objects_on(bench.path_of(target))
    for name in filter(re.compile("(packs|chains|values)/").match, before):
        (bench.path_of(target) / name).unlink()
    job, at = start_import(target, actor=ADMIN, file=whole.name), 1
    while bench.killed(job, at):
        bench.lose(job)
        Job.objects.filter(pk=job.pk).update(attempts=0)
        at += 9
    assert (job.state, objects_on(bench.path_of(target)), at > 1) == ("done", before, True)
