"""Finding secrets: every encoding at every place, nothing where nothing is, and fast."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sealing.scan import SHORTEST_SECRET, WINDOW, Needles, encodings, scan_paths

SECRET = bytes(range(7, 39))
LONG = bytes(range(200, 248))

ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "raw": bytes,
    "hex": lambda clear: clear.hex().encode(),
    "HEX": lambda clear: clear.hex().upper().encode(),
    "base64": base64.b64encode,
    "base64url": base64.urlsafe_b64encode,
}


def found(needles: Needles, data: bytes) -> int:
    return sum(needles.count_in(data).values())


@pytest.mark.parametrize("lead", range(4))
@pytest.mark.parametrize("name", ENCODERS)
def test_a_leak_is_found_wherever_it_begins(name: str, lead: int) -> None:
    needles = Needles({"k": [SECRET]})
    leak = ENCODERS[name](os.urandom(lead) + SECRET + os.urandom(2))
    for before in range(30):
        assert found(needles, os.urandom(before) + leak + os.urandom(50)) >= 1


@pytest.mark.parametrize("name", ENCODERS)
def test_a_leak_across_two_windows_of_a_file_counts_once(tmp_path: Path, name: str) -> None:
    needles = Needles({"k": [SECRET]})
    leak = ENCODERS[name](SECRET)
    kinds = {pattern for pattern in encodings(SECRET) if pattern in leak}
    for before in range(WINDOW - len(leak) - 3, WINDOW + 3, 5):
        path = tmp_path / "file"
        path.write_bytes(bytes(before) + leak + bytes(100))
        assert scan_paths(needles, [path]).total == len(kinds)


def test_counts_are_by_kind_and_every_occurrence_counts() -> None:
    needles = Needles({"a": [SECRET], "b": [LONG], "c": [bytes(range(32))]})
    data = os.urandom(100) + SECRET + os.urandom(9) + SECRET + LONG.hex().encode() + SECRET
    assert needles.count_in(data) == {"a": 3, "b": 1, "c": 0}


def test_half_a_secret_or_one_changed_byte_is_not_a_leak() -> None:
    needles = Needles({"a": [SECRET]})
    changed = SECRET[:16] + bytes([SECRET[16] ^ 1]) + SECRET[17:]
    for text in (SECRET[:31], SECRET[1:], changed, SECRET.hex().encode()[:-1], os.urandom(1 << 20)):
        assert found(needles, text) == 0


@pytest.mark.parametrize("size", [0, 1, 16, SHORTEST_SECRET - 1])
def test_what_is_too_short_to_be_found_for_sure_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="at least"):
        Needles({"a": [bytes(size)]})


def test_files_are_found_below_folders_and_links_are_not_followed(tmp_path: Path) -> None:
    needles = Needles({"a": [SECRET]})
    outside = tmp_path / "outside"
    outside.write_bytes(SECRET)
    tree = tmp_path / "tree"
    (tree / "deep" / "er").mkdir(parents=True)
    (tree / "deep" / "er" / "one").write_bytes(SECRET)
    (tree / "two").write_bytes(SECRET * 2)
    (tree / "link").symlink_to(outside)
    os.link(tree / "two", tree / "again")
    os.mkfifo(tree / "pipe")
    report = scan_paths(needles, [tree, tmp_path / "absent"])
    assert (report.hits, report.files, report.bytes) == ({"a": 3}, 2, 96)
    assert report.skipped >= 1


def test_a_file_left_out_by_design_is_recognised_under_any_name(tmp_path: Path) -> None:
    needles = Needles({"a": [SECRET]})
    own = tmp_path / "own"
    own.write_bytes(SECRET)
    os.link(own, tmp_path / "other-name")
    assert scan_paths(needles, [tmp_path], exclude=[own]).total == 0
    (tmp_path / "copy").write_bytes(SECRET)
    assert scan_paths(needles, [tmp_path], exclude=[own]).total == 1


def test_what_is_looked_for_does_not_print_or_pickle() -> None:
    needles = Needles({"a": [SECRET]})
    assert SECRET.hex() not in repr(needles)
    with pytest.raises(TypeError):
        needles.__reduce__()


def test_a_quarter_gigabyte_takes_seconds(tmp_path: Path) -> None:
    needles = Needles({"a": [os.urandom(32) for _ in range(12)]})
    path = tmp_path / "large"
    block = os.urandom(1 << 20)
    with path.open("wb") as file:
        for _ in range(256):
            file.write(block)
    begun = time.process_time()
    report = scan_paths(needles, [path])
    assert report.bytes == 256 << 20
    assert time.process_time() - begun < 5
