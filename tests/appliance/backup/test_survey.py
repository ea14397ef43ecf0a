"""The catalogue of images follows the signed headers on the target."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from appliance.backup.actions import connect_target
from appliance.backup.engine.verify import place_of
from appliance.backup.models import BackupImage, BackupTarget
from sealing.content.header import header_digest
from sealing.documents import image_header
from tests.support.bench import ADMIN, Bench, back_up_twice


@pytest.fixture
def two(bench: Bench) -> tuple[Bench, BackupTarget, list[BackupImage]]:
    """A target with two images."""
    bench.stage("two-images", lambda: back_up_twice(bench))
    target = BackupTarget.objects.get()
    return bench, target, list(target.images.order_by("sequence"))


def look(bench: Bench, target: BackupTarget) -> BackupTarget:
    bench.done(connect_target(target, actor=ADMIN))
    target.refresh_from_db()
    return target


def directory_of(bench: Bench, image: BackupImage) -> Path:
    return bench.path_of(image.target) / place_of(image).directory


def test_a_lost_newest_image_turns_the_target_red_and_its_row_damaged(
    two: tuple[Bench, BackupTarget, list[BackupImage]],
) -> None:
    bench, target, images = two
    shutil.rmtree(directory_of(bench, images[1]))
    look(bench, target)
    assert (target.freshness, [f["code"] for f in target.findings]) == ("rolled-back", ["image.rolled-back"])
    lost = BackupImage.objects.get(pk=images[1].pk)
    assert (lost.state, (lost.problem or {})["code"]) == ("damaged", "image.header-missing")
    assert BackupImage.objects.get(pk=images[0].pk).state == "verified"


def test_a_backup_goes_on_after_the_newest_image_known(
    two: tuple[Bench, BackupTarget, list[BackupImage]],
) -> None:
    """The gap stays to be seen: the new header names the one that is gone."""
    bench, target, images = two
    shutil.rmtree(directory_of(bench, images[1]))
    third = bench.back_up(target)
    header = image_header.read(third.header, bench.maker.trust).header
    assert (third.sequence, header.chain.previous) == (3, header_digest(images[1].header))
    look(bench, target)
    assert [finding["code"] for finding in target.findings] == ["image.chain-broken"]


def test_an_image_that_is_back_is_good_again_once_it_is_verified(
    two: tuple[Bench, BackupTarget, list[BackupImage]],
) -> None:
    bench, target, images = two
    place = directory_of(bench, images[1])
    place.rename(bench.targets / "aside")
    look(bench, target)
    (bench.targets / "aside").rename(place)
    look(bench, target)
    assert (target.freshness, target.findings) == ("proven", [])
    image = BackupImage.objects.get(pk=images[1].pk)
    assert (image.state, image.problem) == ("committed", None)
    assert bench.verify(image).state == "done"


def test_the_rows_can_be_thrown_away_and_made_again(
    two: tuple[Bench, BackupTarget, list[BackupImage]],
) -> None:
    bench, target, images = two
    BackupImage.objects.all().delete()
    look(bench, target)
    for image in images:
        again = BackupImage.objects.get(pk=image.pk)
        assert (again.state, again.own, again.sequence) == ("committed", True, image.sequence)
        assert (again.header, again.header_digest, again.epoch) == (
            image.header,
            image.header_digest,
            image.epoch,
        )


def test_a_directory_without_a_header_is_no_image(two: tuple[Bench, BackupTarget, list[BackupImage]]) -> None:
    bench, target, images = two
    BackupImage.objects.filter(pk=images[1].pk).delete()
    (directory_of(bench, images[1]) / "header.jws").unlink()
    look(bench, target)
    assert BackupImage.objects.count() == 1


def test_another_customers_repository_at_the_place_is_refused_and_nothing_is_forgotten(
    two: tuple[Bench, BackupTarget, list[BackupImage]],
) -> None:
    bench, target, _ = two
    marker = bench.path_of(target) / "strongroom-repository.json"
    marker.write_text(
        marker.read_text().replace(str(target.customer_id), "99999999-9999-4999-8999-999999999999")
    )
    assert bench.refused(connect_target(target, actor=ADMIN)) == "target.wrong-customer"
    assert BackupImage.objects.filter(state="verified").count() == 2
