"""The marker: whose repository, and is it the one meant."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from appliance.backup.errors import (
    NotARepository,
    RepositoryChanged,
    RepositoryOfAnother,
    RepositoryTooNew,
    TargetAbsent,
)
from appliance.backup.targets.base import ObjectStat
from appliance.backup.targets.directory import DirectoryTarget
from appliance.backup.targets.marker import MARKER, Marker, open_repository

CUSTOMER = uuid.uuid4()
OTHER = uuid.uuid4()


@pytest.fixture
def target(tmp_path: Path) -> DirectoryTarget:
    return DirectoryTarget(tmp_path)


def test_a_directory_with_other_things_in_it_is_not_a_repository(target: DirectoryTarget) -> None:
    (target.root / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(NotARepository):
        open_repository(target, customer=CUSTOMER, expected=None, create=True)
    assert [path.name for path in target.root.iterdir()] == ["holiday.jpg"]


def test_the_repository_of_another_customer_is_refused(target: DirectoryTarget) -> None:
    open_repository(target, customer=OTHER, expected=None, create=True)
    with pytest.raises(RepositoryOfAnother):
        open_repository(target, customer=CUSTOMER, expected=None, create=True)


def test_an_empty_place_where_a_repository_was_is_refused_and_stays_empty(target: DirectoryTarget) -> None:
    with pytest.raises(NotARepository):
        open_repository(target, customer=CUSTOMER, expected=uuid.uuid4(), create=True)
    assert target.is_empty()


def test_a_repository_that_another_unit_makes_between_two_looks_is_taken(
    target: DirectoryTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = target.stat

    def stat_before_the_other(name: str) -> ObjectStat | None:
        monkeypatch.setattr(target, "stat", look)
        open_repository(DirectoryTarget(target.root), customer=CUSTOMER, expected=None, create=True)
        return None

    monkeypatch.setattr(target, "stat", stat_before_the_other)
    taken = open_repository(target, customer=CUSTOMER, expected=None, create=True)
    assert taken == open_repository(target, customer=CUSTOMER, expected=None, create=False)


def test_another_repository_where_one_was_is_refused(target: DirectoryTarget) -> None:
    open_repository(target, customer=CUSTOMER, expected=None, create=True)
    with pytest.raises(RepositoryChanged):
        open_repository(target, customer=CUSTOMER, expected=uuid.uuid4(), create=True)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"version": 2}, RepositoryTooNew),
        ({"format": "other"}, NotARepository),
        ({"customer": "nobody"}, NotARepository),
        ({"customer": None}, NotARepository),
        ({"repository": 5}, NotARepository),
        ({"more": 1}, NotARepository),
    ],
)
def test_an_altered_marker_is_refused(
    target: DirectoryTarget, change: dict[str, object], refusal: type[Exception]
) -> None:
    members = json.loads(Marker(uuid.uuid4(), CUSTOMER).encode()) | change
    (target.root / MARKER).write_text(json.dumps(members))
    with pytest.raises(refusal):
        open_repository(target, customer=CUSTOMER, expected=None, create=True)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "7", '{"format": "strongroom-repository"}', "\ufeff{}"]
)
def test_a_marker_that_is_no_marker_is_refused(target: DirectoryTarget, text: str) -> None:
    (target.root / MARKER).write_text(text)
    with pytest.raises((NotARepository, RepositoryTooNew)):
        open_repository(target, customer=CUSTOMER, expected=None, create=True)


def test_an_absent_place_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(TargetAbsent):
        open_repository(DirectoryTarget(tmp_path / "none"), customer=CUSTOMER, expected=None, create=True)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_place_is_only_made_a_repository_when_asked(target: DirectoryTarget) -> None:
    with pytest.raises(NotARepository):
        open_repository(target, customer=CUSTOMER, expected=None, create=False)
    assert target.is_empty()
    made = open_repository(target, customer=CUSTOMER, expected=None, create=True)
    assert open_repository(target, customer=CUSTOMER, expected=made.repository, create=False) == made


def test_a_unit_of_nobody_may_look_at_a_repository_and_makes_none(target: DirectoryTarget) -> None:
    with pytest.raises(NotARepository):
        open_repository(target, customer=None, expected=None, create=True)
    made = open_repository(target, customer=CUSTOMER, expected=None, create=True)
    assert open_repository(target, customer=None, expected=None, create=False) == made
