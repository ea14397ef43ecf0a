"""`strongroom verify-target`: a real repository, checked with nothing but public things."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F

from tests.support.bench_fixtures import bench, maker  # noqa: F401  # fixtures

Run = Callable[..., int]


@pytest.fixture
def repository(bench: Any, tmp_path: Path) -> tuple[Path, list[str]]:  # noqa: F811
    """Three images of which the first was deleted; and the options that name root and list."""
    from appliance.backup.actions import set_retention, start_prune
    from appliance.backup.models import BackupImage
    from appliance.backup.retention import Policy
    from tests.support.bench import ADMIN, KIB, noise

    bench.put_unit()
    bench.add_image("secret plans", noise(1, 64 * KIB))
    target = bench.add_target()
    for _ in range(3):
        bench.back_up(target)
    BackupImage.objects.update(made_at=F("made_at"))
    set_retention(target, actor=ADMIN, policy=Policy(keep_last=2), grace_days=0)
    bench.done(start_prune(target, actor=ADMIN))
    root, listing = tmp_path / "root.pem", tmp_path / "authorities.jws"
    body = base64.encodebytes(bench.maker.root).decode()
    root.write_text(f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n")
    listing.write_text(bench.maker.authorities + "\n")
    return bench.path_of(target), ["--root", str(root), "--list", str(listing)]


def flip(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def one(place: Path, pattern: str) -> Path:
    return sorted(place.glob(pattern))[0]


def exchange(place: Path) -> None:
    second, third = place.glob("chains/*/*2-*/header.jws"), place.glob("chains/*/*3-*/header.jws")
    next(third).write_bytes(next(second).read_bytes())


FAULTS: list[tuple[Callable[[Path], Any], str]] = [
    (lambda place: flip(one(place, "packs/*/*.pack")), "other bytes"),
    (lambda place: one(place, "packs/*/*.pack").unlink(), "missing"),
    (lambda place: one(place, "packs/*/*.pack").write_bytes(b"short"), "another size"),
    (lambda place: flip(one(place, "chains/*/*2-*/manifest.sealed")), "not the one the header names"),
    (lambda place: one(place, "chains/*/*2-*/packs.json").unlink(), "packs.json is missing"),
    (lambda place: flip(one(place, "chains/*/*2-*/header.jws")), "the header does not hold"),
    (lambda place: shutil.rmtree(one(place, "chains/*/*2-*")), "missing without records"),
    (lambda place: one(place, "chains/*/*1-*/deletion.jws").unlink(), "without deletion records"),
    (lambda place: flip(one(place, "chains/*/*1-*/deletion.jws")), "the deletion record does not hold"),
    (lambda place: shutil.rmtree(one(place, "chains/*/*3-*")), "newer images are missing"),
    (exchange, "belongs to another place"),
]


def test_a_sound_target_is_told_from_every_kind_of_damage_and_nothing_is_written(
    repository: tuple[Path, list[str]], strongroom: Run, capsys: Any, tmp_path: Path
) -> None:
    place, options = repository
    whole = tmp_path / "whole"
    shutil.copytree(place, whole)
    assert strongroom("--json", "verify-target", str(place), *options) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(image["sequence"], image["state"]) for image in found["images"]] == [
        (1, "deleted"),
        (2, "sound"),
        (3, "sound"),
    ]
    assert found["packs_read"] == found["packs"] > 0
    for fault, words in FAULTS:
        fault(place)
        assert strongroom("--json", "verify-target", str(place), *options) == 10, words
        told = capsys.readouterr()
        assert words in told.out + told.err
        shutil.rmtree(place)
        shutil.copytree(whole, place)
    flip(one(place, "packs/*/*.pack"))
    assert strongroom("verify-target", str(place), *options, "--quick") == 0  # sizes only


def test_another_root_or_an_empty_directory_is_refused_by_its_exit_code(
    repository: tuple[Path, list[str]], strongroom: Run, tmp_path: Path
) -> None:
    place, options = repository
    other = tmp_path / "other.der"
    other.write_bytes(b"0" * 300)
    assert strongroom("verify-target", str(place), "--root", str(other), *options[2:]) == 10
    assert strongroom("verify-target", str(tmp_path), *options) == 4
