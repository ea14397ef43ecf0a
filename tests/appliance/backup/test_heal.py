"""Damaged packs are set aside, never deleted, and healed by the next backup."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.backup.engine.repository import pack_name
from appliance.backup.models import BackupImage
from audit.models import Event
from tests.support.bench import KIB, Bench, damage, noise
from tests.support.world import check_world

S = BackupImage.State


def packs_of(place: Path, image: BackupImage) -> list[str]:
    (listing,) = place.glob(f"chains/*/{image.sequence:010d}-*/packs.json")
    return [digest for digest, _ in json.loads(listing.read_bytes())["packs"]]


@pytest.fixture
def stand(bench: Bench) -> Bench:
    bench.put_unit()
    bench.add_image("first", noise(1, 64 * KIB))
    return bench


def test_damage_is_set_aside_and_healed_by_the_next_backup_for_every_image(stand: Bench) -> None:
    target = stand.add_target()
    place = stand.path_of(target)
    first, second = stand.back_up(target), stand.back_up(target)
    shared = sorted(set(packs_of(place, first)) & set(packs_of(place, second)))
    own = sorted(set(packs_of(place, first)) - set(packs_of(place, second)))
    for digest in (shared[0], own[0]):
        damage(place / pack_name(digest), "flipped")
    bad = {digest: (place / pack_name(digest)).read_bytes() for digest in (shared[0], own[0])}

    for image in (first, second):
        job = stand.verify(image)
        assert job.refusal["code"].startswith("image.pack-")
    for digest, data in bad.items():
        assert not (place / pack_name(digest)).exists()
        (aside,) = (place / "quarantine" / digest).iterdir()
        assert aside.read_bytes() == data
    assert Event.objects.filter(action="backup.packs-set-aside").count() == 1
    assert {image.state for image in BackupImage.objects.all()} == {S.DAMAGED}

    stand.back_up(target)
    states = BackupImage.objects.order_by("sequence").values_list("state", flat=True)
    assert list(states) == [S.VERIFIED, S.VERIFIED, S.VERIFIED]
    assert len(list((place / "quarantine").rglob("*.pack"))) == 2
    check_world(open_value=stand.maker.open_value)


def test_what_the_store_no_longer_has_stays_damaged_and_says_so(stand: Bench) -> None:
    target = stand.add_target()
    place = stand.path_of(target)
    image = stand.back_up(target)
    damage(place / f"chains/{image.chain}/{image.sequence:010d}-{image.pk.hex}/packs.json", "flipped")
    stand.verify(image)
    stand.back_up(target)
    image.refresh_from_db()
    assert (image.state, (image.problem or {})["code"]) == (S.DAMAGED, "image.pack-list-damaged")


def test_never_verified_is_not_failed_and_failed_is_not_never(stand: Bench) -> None:
    target = stand.add_target()
    image = stand.back_up(target, verify=False)
    assert (image.state, image.verified_at, image.checked_at) == (S.COMMITTED, None, None)
    damage(stand.path_of(target) / pack_name(packs_of(stand.path_of(target), image)[0]), "flipped")
    stand.verify(image)
    image.refresh_from_db()
    assert (image.state, image.verified_at) == (S.DAMAGED, None)
    assert image.checked_at is not None
