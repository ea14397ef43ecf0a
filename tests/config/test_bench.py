"""The bench's own parts: what is compared is the same for everybody, and peers are the right ones."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench import peers
from bench.data import CHANGED, RUN_BYTES, Change, files_of
from bench.peers import PeerMissing, Restic, timed


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data set of one image."""
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / CHANGED).write_bytes(bytes(range(256)) * (RUN_BYTES // 256) * 60)
    return tmp_path


def program(tmp_path: Path, says: str) -> Path:
    path = tmp_path / "restic" / "usr" / "bin" / "restic"
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o700)
    return path


def test_an_old_restic_is_no_peer(tmp_path: Path) -> None:
    assert not peers._new_enough(program(tmp_path, "restic 0.14.0 compiled with go1.19"))


def test_a_restic_of_the_wanted_release_is_used_where_it_lies(tmp_path: Path) -> None:
    program(tmp_path, "restic 0.19.1 compiled with go1.26")
    assert Restic(tmp_path, tmp_path, tmp_path).version == "0.19.1"


def test_without_a_mirror_in_the_machines_own_settings_nothing_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "APT_SOURCES", tmp_path)
    with pytest.raises(PeerMissing, match="names no mirror"):
        peers._mirror()


def test_a_contestant_that_fails_stops_the_bench(tmp_path: Path) -> None:
    with pytest.raises(PeerMissing, match="out of luck"):
        timed([sys.executable, "-c", "raise SystemExit('out of luck')"], {}, tmp_path)


def test_time_and_memory_of_a_contestant_are_its_own(tmp_path: Path) -> None:
    code = "held = bytearray(64 << 20); sum(range(3_000_000))"
    used = timed([sys.executable, "-c", code], {}, tmp_path)
    assert used.peak_mib >= 64
    assert 0 < used.cpu <= used.seconds * 2


def test_a_change_is_the_same_each_time_and_can_be_taken_back(data: Path) -> None:
    (image,) = files_of(data)
    before = image.read_bytes()
    change = Change(data)
    change.apply()
    changed = image.read_bytes()
    change.take_back()
    assert image.read_bytes() == before
    Change(data).apply()
    assert image.read_bytes() == changed
    differing = sum(
        before[at : at + RUN_BYTES] != changed[at : at + RUN_BYTES] for at in range(0, len(before), RUN_BYTES)
    )
    assert (differing, len(changed)) == (1, len(before))
