"""Verification: what it finds, what it says, and what it never confuses."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from appliance.backup.actions import start_verify
from appliance.backup.engine import verify as engine
from appliance.backup.engine.verify import place_of
from appliance.backup.errors import ContentDamaged, ImageNotUsable
from appliance.backup.models import BackupImage
from tests.support.bench import ADMIN, Bench, damage, noise


@pytest.fixture
def image(unit_on_bench: Bench) -> BackupImage:
    """An image that was never verified."""
    made = unit_on_bench.back_up(unit_on_bench.add_target(), verify=False)
    for job in unit_on_bench.waiting("backup.verify"):
        job.delete()
    return made


def file_of(bench: Bench, image: BackupImage, what: str) -> Path:
    """One object of an image on its target."""
    place, root = place_of(image), bench.path_of(image.target)
    packs = sorted(root.glob("packs/*/*.pack"), key=lambda path: path.stat().st_size)
    return {
        "pack": packs[-1],
        "manifest": root / place.manifest,
        "list": root / place.packs,
        "header": root / place.header,
    }[what]


CODES = {
    ("pack", "missing"): "image.pack-missing",
    ("pack", "truncated"): "image.pack-damaged",
    ("pack", "flipped"): "image.pack-damaged",
    ("pack", "swapped"): "image.pack-damaged",
    ("manifest", "missing"): "image.manifest-damaged",
    ("manifest", "truncated"): "image.manifest-damaged",
    ("manifest", "flipped"): "image.manifest-damaged",
    ("list", "missing"): "image.pack-list-damaged",
    ("list", "truncated"): "image.pack-list-damaged",
    ("list", "flipped"): "image.pack-list-damaged",
    ("header", "missing"): "image.header-missing",
    ("header", "truncated"): "image.bad-signature",
    ("header", "flipped"): "image.bad-signature",
}


@pytest.mark.parametrize("depth", ["digests", "full"])
def test_every_damage_is_found_named_and_kept(unit_on_bench: Bench, image: BackupImage, depth: str) -> None:
    for (what, how), code in CODES.items():
        path = file_of(unit_on_bench, image, what)
        sound = path.read_bytes()
        damage(path, how)
        job = unit_on_bench.verify(image, depth)
        assert (job.state, job.refusal["code"]) == ("failed", code), (what, how)
        image.refresh_from_db()
        assert (image.state, (image.problem or {})["code"]) == ("damaged", code), (what, how)
        assert image.verified_at is None
        path.write_bytes(sound)
    assert unit_on_bench.verify(image, depth).state == "done"


def test_two_packs_in_each_others_place_are_found(unit_on_bench: Bench, image: BackupImage) -> None:
    root = unit_on_bench.path_of(image.target)
    one, two = sorted(root.glob("packs/*/*.pack"))[:2]
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    assert unit_on_bench.verify(image).refusal["code"] == "image.pack-damaged"


def test_storage_that_does_not_answer_proves_nothing(unit_on_bench: Bench, image: BackupImage) -> None:
    root = unit_on_bench.path_of(image.target)
    root.rename(root.with_name("elsewhere"))
    job = unit_on_bench.verify(image)
    assert (job.state, job.refusal["code"]) == ("failed", "target.absent")
    image.refresh_from_db()
    assert image.state == "committed", "not damaged: nobody knows"


def test_an_unfinished_image_is_not_verified(unit_on_bench: Bench, image: BackupImage) -> None:
    BackupImage.objects.update(state="abandoned")
    image.refresh_from_db()
    with pytest.raises(ImageNotUsable):
        start_verify(image, actor=ADMIN)


def test_never_verified_is_not_verified_and_not_failed(image: BackupImage) -> None:
    assert (image.state, image.problem, image.checked_at, image.verified_at) == (
        "committed",
        None,
        None,
        None,
    )


def test_digests_alone_do_not_make_an_image_verified(unit_on_bench: Bench, image: BackupImage) -> None:
    job = unit_on_bench.verify(image, "digests")
    assert job.result["chunks"] is None
    image.refresh_from_db()
    assert image.state == "committed"
    assert image.checked_at is not None
    assert image.verified_at is None


def test_every_chunk_opened_makes_it_verified(unit_on_bench: Bench, image: BackupImage) -> None:
    job = unit_on_bench.verify(image)
    image.refresh_from_db()
    assert (job.state, image.state) == ("done", "verified")
    assert job.result["chunks"] > 5


def test_damage_that_was_mended_is_taken_back_as_far_as_was_looked(
    unit_on_bench: Bench, image: BackupImage
) -> None:
    pack = file_of(unit_on_bench, image, "pack")
    sound = pack.read_bytes()
    damage(pack, "flipped")
    unit_on_bench.verify(image)
    pack.write_bytes(sound)
    unit_on_bench.verify(image, "digests")
    image.refresh_from_db()
    assert (image.state, image.problem) == ("committed", None)
    unit_on_bench.verify(image)
    image.refresh_from_db()
    assert image.state == "verified"


def test_damage_inside_the_seal_is_not_cleared_by_looking_at_digests(
    unit_on_bench: Bench, image: BackupImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_walk", lambda *_: (_ for _ in ()).throw(ContentDamaged(recipe="x")))
    unit_on_bench.verify(image)
    monkeypatch.undo()
    monkeypatch.setattr("jobs.broker.send", lambda _: False)
    unit_on_bench.verify(image, "digests")
    image.refresh_from_db()
    assert (image.state, (image.problem or {})["code"]) == ("damaged", "image.content-damaged")


def test_a_verification_beside_a_backup_disturbs_neither(
    unit_on_bench: Bench, image: BackupImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = unit_on_bench
    inside, go_on = threading.Event(), threading.Event()
    real = engine.fetch_pack

    def wait_here(*args: object) -> bytes:
        inside.set()
        go_on.wait(30)
        return real(*args)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(engine, "fetch_pack", wait_here)
    job = start_verify(image, actor=ADMIN)
    thread = threading.Thread(target=bench.work, args=(job,))
    thread.start()
    try:
        assert inside.wait(30)
        bench.add_image("third", noise(3))
        grown = bench.back_up(image.target, verify=False)
    finally:
        go_on.set()
        thread.join()
    job.refresh_from_db()
    image.refresh_from_db()
    assert (job.state, image.state, grown.state) == ("done", "verified", "committed")


def test_two_verifications_of_one_image_take_turns(
    unit_on_bench: Bench, image: BackupImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = unit_on_bench
    inside, go_on = threading.Event(), threading.Event()
    real = engine.read_header

    def wait_here(*args: object) -> object:
        inside.set()
        go_on.wait(30)
        return real(*args)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(engine, "read_header", wait_here)
    one, two = start_verify(image, actor=ADMIN), start_verify(image, actor=ADMIN)
    thread = threading.Thread(target=bench.work, args=(one,))
    thread.start()
    try:
        assert inside.wait(30)
        assert bench.work(two).state == "queued"
    finally:
        go_on.set()
        thread.join()
    assert bench.work(two).state == "done"
