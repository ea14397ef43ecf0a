"""The directory target: the common suite, and what only file systems can do to it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.backup.errors import (
    BadTargetSettings,
    ObjectCorrupt,
    ObjectMissing,
    TargetAbsent,
    TargetFull,
    TargetReadOnly,
    TargetTooSlow,
    TargetUnreachable,
    UnknownTargetKind,
)
from appliance.backup.targets import Target, open_target
from appliance.backup.targets.directory import DirectoryTarget
from ground.files import Fs, use
from tests.appliance.backup.targets.conformance import TargetConformance, digest_of, put


@pytest.fixture
def target(tmp_path: Path) -> Target:
    root = tmp_path / "target"
    root.mkdir()
    return DirectoryTarget(root)


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A real 2 MB file system, so that "full" and "read-only" are the kernel's and not a pretence."""
    root = tmp_path / "disk"
    root.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "strongroom-test", root], check=True)
    try:
        yield root
    finally:
        subprocess.run(["umount", root], check=True)


class TestDirectory(TargetConformance):
    def plant(self, target: Target, name: str, data: bytes) -> None:
        assert isinstance(target, DirectoryTarget)
        path = target.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"path": 7},
        {"path": "relative"},
        {"path": "/"},
        {"path": "/a/../b"},
        {"path": "/a", "more": 1},
        {"path": "/a\0b"},
    ],
)
def test_settings_that_cannot_be_right_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(BadTargetSettings):
        open_target("directory", settings)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UnknownTargetKind):
        open_target("tape", {})


def test_a_directory_that_is_not_there_is_absent(tmp_path: Path) -> None:
    with pytest.raises(TargetAbsent):
        DirectoryTarget(tmp_path / "none").probe(write=False)


def test_a_file_in_the_place_of_the_directory_is_absent(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(TargetAbsent):
        DirectoryTarget(tmp_path / "file").probe(write=False)


def test_an_absent_directory_never_says_that_an_object_is_not_there(tmp_path: Path) -> None:
    target = DirectoryTarget(tmp_path / "none")
    for call in (
        lambda: target.stat("packs/aa/one.pack"),
        lambda: list(target.list()),
        lambda: put(target, "packs/aa/one.pack", b"x"),
        lambda: target.delete("packs/aa/one.pack"),
    ):
        with pytest.raises(TargetAbsent):
            call()
    assert not (tmp_path / "none").exists()


@pytest.mark.root
def test_a_disk_unmounted_in_mid_backup_is_absent_and_nothing_is_written_beneath_it(tmp_path: Path) -> None:
    root = tmp_path / "disk"
    root.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "strongroom-test", root], check=True)
    target = DirectoryTarget(root)
    target.probe(write=True)
    subprocess.run(["umount", root], check=True)
    with pytest.raises(TargetAbsent):
        put(target, "packs/aa/one.pack", b"x")
    assert list(root.iterdir()) == []


@pytest.mark.root
def test_a_full_disk_refuses_and_leaves_nothing_under_the_name(mounted: Path) -> None:
    target = DirectoryTarget(mounted)
    put(target, "packs/aa/one.pack", os.urandom(1 << 20))
    with pytest.raises(TargetFull):
        put(target, "packs/aa/two.pack", os.urandom(2 << 20))
    assert [stat.name for stat in target.list()] == ["packs/aa/one.pack"]
    assert put(target, "packs/aa/three.pack", os.urandom(1 << 19)) is True, (
        "the room of the failed one is free"
    )


@pytest.mark.root
def test_a_disk_mounted_read_only_refuses_to_be_written_and_can_be_read(mounted: Path) -> None:
    target = DirectoryTarget(mounted)
    put(target, "packs/aa/one.pack", b"x")
    subprocess.run(["mount", "-o", "remount,ro", mounted], check=True)
    with pytest.raises(TargetReadOnly):
        target.probe(write=True)
    with pytest.raises(TargetReadOnly):
        put(target, "packs/aa/two.pack", b"x")
    target.probe(write=False)
    assert list(target.get("packs/aa/one.pack")) == [b"x"]


def test_links_are_not_objects(target: DirectoryTarget, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"elsewhere")
    (target.root / "packs").mkdir()
    (target.root / "packs" / "link.pack").symlink_to(secret)
    (target.root / "chains").symlink_to(tmp_path)
    assert list(target.list()) == []
    assert target.stat("packs/link.pack") is None
    with pytest.raises(ObjectMissing):
        list(target.get("packs/link.pack"))


def test_temporaries_are_swept_only_when_old(target: DirectoryTarget) -> None:
    (target.root / "packs").mkdir()
    old, young = target.root / "packs" / ".tmp-1-x", target.root / ".tmp-2-y"
    old.write_bytes(b"x")
    young.write_bytes(b"y")
    os.utime(old, (1, 1))
    assert target.sweep(older_than=3600) == 1
    assert not old.exists()
    assert young.exists()


class LostAnswer(Fs):
    """NFS after a lost answer: the rename happens, is repeated, and finds no source."""

    def rename_only(self, source: Path, target: Path) -> None:
        super().rename_only(source, target)
        super().rename_only(source, target)


def test_a_rename_whose_answer_was_lost_is_recognised_by_its_result(target: DirectoryTarget) -> None:
    with use(LostAnswer()):
        assert put(target, "packs/aa/one.pack", b"content") is True
    assert list(target.get("packs/aa/one.pack")) == [b"content"]


class Altering(Fs):
    """A disk that keeps other bytes than it was given, and says nothing."""

    def write_all(self, descriptor: int, path: Path, data: bytes | memoryview) -> None:
        super().write_all(descriptor, path, bytes([data[0] ^ 1]) + bytes(data[1:]))


def test_what_the_disk_keeps_differently_never_gets_its_name(target: DirectoryTarget) -> None:
    with use(Altering()), pytest.raises(ObjectCorrupt):
        put(target, "packs/aa/one.pack", b"content")
    assert list(target.list()) == []


class FailAt(Fs):
    """Fails the Nth operation with an error number."""

    def __init__(self, at: int, number: int) -> None:
        self.left, self.number = at, number

    def _step(self, operation: Any, path: Path, action: Any, **more: Any) -> Any:
        self.left -= 1
        if self.left == 0:
            raise OSError(self.number, os.strerror(self.number))
        return super()._step(operation, path, action, **more)


@pytest.mark.parametrize(
    ("number", "refusal"),
    [
        (28, TargetFull),
        (5, TargetUnreachable),
        (30, TargetReadOnly),
        (116, TargetUnreachable),
        (110, TargetTooSlow),
    ],
)
@pytest.mark.parametrize("at", range(1, 9))
def test_any_operation_may_fail_and_the_object_is_absent_or_whole(
    target: DirectoryTarget, at: int, number: int, refusal: type[Exception]
) -> None:
    with use(FailAt(at, number)), pytest.raises(refusal):
        put(target, "packs/aa/one.pack", b"content")
    assert [list(target.get(s.name)) for s in target.list()] in ([], [[b"content"]])
    put(target, "packs/aa/one.pack", b"content")
    assert [list(target.get(s.name)) for s in target.list()] == [[b"content"]]


def test_names_of_objects_named_by_digest_are_compared_by_size_only(target: DirectoryTarget) -> None:
    name = f"packs/aa/{digest_of(b'right')}.pack"
    TestDirectory().plant(target, name, b"wrong")
    assert put(target, name, b"right") is False, "verify finds this, a backup does not read everything again"
