"""The oracle is tested itself: each kind of damage, planted, is found under its own name."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from appliance.backup.models import BackupImage
from appliance.catalog.models import VirtualImage
from appliance.content.engine import opening
from appliance.recovery.models import Restore, TransferCase
from appliance.unit.models import Unit
from audit import triggers
from audit.models import Event
from config.site import site
from ground.db import generations
from jobs.actions import start_job
from jobs.models import Job
from tests.support.bench import ADMIN, Bench, back_up_twice, damage
from tests.support.world import WorldBroken, check_world, violations


@pytest.fixture
def world(bench: Bench) -> Bench:
    """A sound world with two images on a target."""
    bench.stage("two-images", lambda: back_up_twice(bench))
    return bench


def found(bench: Bench, **options: Any) -> set[str]:
    options = {"scan": False} | options
    return {item.invariant for item in violations(open_value=bench.maker.open_value, **options)}


def target_files(bench: Bench, pattern: str) -> list[Any]:
    return sorted((bench.targets / "disk").glob(pattern), key=lambda path: path.stat().st_size)


def ended_job(kind: str, state: str, **fields: Any) -> Job:
    job = start_job(kind, actor=ADMIN, params=fields.pop("params", {}))
    Job.objects.filter(pk=job.pk).update(state=state, **fields)
    return job


def test_a_sound_world_has_no_violation(world: Bench) -> None:
    check_world(open_value=world.maker.open_value)


@pytest.mark.parametrize("how", ["missing", "truncated", "flipped", "swapped"])
def test_a_damaged_pack_on_the_target_breaks_i1(world: Bench, how: str) -> None:
    damage(target_files(world, "packs/*/*.pack")[-1], how)
    assert "I1" in found(world)


def test_an_exchanged_manifest_breaks_i1(world: Bench) -> None:
    damage(target_files(world, "chains/*/*/manifest.sealed")[0], "flipped")
    assert "I1" in found(world)


def test_an_image_listed_as_good_without_a_header_breaks_i2(world: Bench) -> None:
    target_files(world, "chains/*/*/header.jws")[0].unlink()
    assert "I2" in found(world)


def test_a_header_that_is_forged_breaks_i3(world: Bench) -> None:
    damage(target_files(world, "chains/*/*/header.jws")[0], "truncated")
    assert "I3" in found(world)


def test_content_of_the_catalogue_that_is_damaged_or_exchanged_breaks_i3(world: Bench) -> None:
    row = VirtualImage.objects.order_by("name").first()
    assert row is not None
    VirtualImage.objects.filter(pk=row.pk).update(sha256="0" * 64)
    assert found(world) == {"I3"}
    with opening.open_store(writing=False) as store:
        pack = max(
            (store.pack_path(ref.digest) for ref in store.packs()), key=lambda path: path.stat().st_size
        )
    damage(pack, "flipped")
    assert found(world) == {"I3"}


class Said:
    """What a broken key process would say."""

    def __init__(self, real: Any, **changes: Any) -> None:
        self._real, self._changes = real, changes

    def status(self) -> Any:
        import dataclasses

        status = self._real.status()
        epochs = tuple(dataclasses.replace(epoch, **self._changes) for epoch in status.epochs)
        twice = epochs * 2 if self._changes.get("state") == "active" else epochs
        return dataclasses.replace(status, epochs=twice)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


@pytest.mark.parametrize(
    ("changes", "invariant"),
    [
        ({"state": "active"}, "I4"),
        ({"origin": "imported"}, "I4"),
        ({"durable": False}, "I4"),
        ({"proof": None}, "I4"),
        ({"state": "destroyed"}, "I5"),
    ],
)
def test_a_keyring_that_breaks_its_rules_is_told(
    world: Bench, changes: dict[str, Any], invariant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.support.world.house.key_process", lambda: Said(world.keys, **changes))
    assert invariant in found(world)


def test_two_installations_of_one_ticket_break_i6_and_i7(world: Bench) -> None:
    for n in range(2):
        case = TransferCase.objects.create(request="r", request_digest=str(n), state="installed", ticket="T")
        TransferCase.objects.filter(pk=case.pk).update(installed_at=case.created_at)
    assert {"I6", "I7"} <= found(world)


def test_an_altered_event_breaks_i7(world: Bench) -> None:
    triggers.remove(connection)
    try:
        Event.objects.filter(sequence=3).update(actor_name="somebody else")
    finally:
        triggers.install(connection)
    assert found(world) == {"I7"}


def test_a_key_byte_in_a_file_breaks_i8(world: Bench) -> None:
    keys = opening.engine_keys()
    assert keys.active is not None
    (site().log / "leak.log").write_text(f"key={keys.active.key.reveal().hex()}\n")
    try:
        assert found(world, scan=True) == {"I8"}
    finally:
        (site().log / "leak.log").unlink()


@pytest.mark.parametrize("image", ["unknown", "abandoned"])
def test_a_backup_that_says_done_without_an_image_breaks_i9(world: Bench, image: str) -> None:
    pk = uuid.uuid4()
    row = BackupImage.objects.order_by("-sequence").first()
    assert row is not None
    chosen = {"unknown": pk, "abandoned": row.pk}[image]
    BackupImage.objects.filter(pk=chosen).update(state="abandoned")
    ended_job("backup.run", "done", result={"image": str(chosen)})
    told = list(violations(scan=False))
    assert "I9" in {item.invariant for item in told}


def test_a_restore_that_says_done_and_is_not_breaks_i9(world: Bench) -> None:
    restore = Restore.objects.create(image_id=uuid.uuid4(), target_id=uuid.uuid4(), state="failed")
    ended_job("recovery.restore", "done", params={"restore": str(restore.pk)})
    assert found(world) == {"I9"}


PLANTS: dict[str, Callable[[], object]] = {
    "an image nobody writes": lambda: BackupImage.objects.filter(sequence=2).update(
        state="writing", job_id=None
    ),
    "a restore nobody works on": lambda: Restore.objects.create(
        image_id=uuid.uuid4(), target_id=uuid.uuid4()
    ),
    "a unit restoring nothing": lambda: Unit.objects.update(state="restoring"),
    "a database left over": generations.new_generation,
}


@pytest.mark.parametrize("plant", list(PLANTS))
def test_what_only_a_person_could_clear_up_breaks_i10(world: Bench, plant: str) -> None:
    PLANTS[plant]()
    told = {item.invariant for item in violations(scan=False)}
    for orphan in generations.orphans():
        generations.remove(orphan)
    assert "I10" in told


def test_a_gap_or_a_step_back_in_a_chain_breaks_i11(world: Bench) -> None:
    BackupImage.objects.filter(sequence=1).update(epoch=9)
    assert "I11" in found(world)
    BackupImage.objects.filter(sequence=1).update(epoch=1)
    BackupImage.objects.filter(sequence=2).update(sequence=5)
    assert "I11" in found(world)


@pytest.mark.parametrize("refusal", [{}, {"code": "x.y"}, {"code": "x.y", "title": "No."}])
def test_a_failure_without_words_breaks_i12(world: Bench, refusal: dict[str, str]) -> None:
    ended_job("backup.survey", "failed", refusal=refusal)
    assert found(world) == {"I12"}


def test_damage_without_words_breaks_i12(world: Bench) -> None:
    BackupImage.objects.filter(sequence=1).update(state="damaged", problem={"code": "image.refused"})
    assert "I12" in found(world)


def test_every_violation_is_in_the_error(world: Bench) -> None:
    ended_job("backup.survey", "failed", refusal={})
    with pytest.raises(WorldBroken, match="I12"):
        check_world(scan=False)
