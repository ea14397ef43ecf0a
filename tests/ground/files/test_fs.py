"""The durable-write seam: whole or not at all, whatever fails where."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ground.files import files, use
from ground.files.fs import TEMPORARY_PREFIX
from tests.support.faultfs import RAISING, Fault, FaultFs, points

OLD, NEW = b"old content", b"new content, longer than the old"


def attempt(path: Path) -> None:
    try:
        files().write(path, NEW)
    except OSError:
        pass


@pytest.mark.parametrize("fault", RAISING)
def test_a_write_that_fails_at_any_operation_leaves_the_old_content_or_the_new(
    tmp_path: Path, fault: Fault
) -> None:
    seen = set()

    def run(fs: FaultFs) -> None:
        path = tmp_path / "file"
        path.write_bytes(OLD)
        with use(fs):
            attempt(path)
        seen.add(path.read_bytes())

    tried = list(points(run, fault))
    # create, write, fsync, rename, fsync of the directory, and one run untouched
    assert len(tried) == 6
    assert seen == {OLD, NEW}


@pytest.mark.parametrize("fault", RAISING)
def test_no_temporary_file_stays_behind_a_failure(tmp_path: Path, fault: Fault) -> None:
    def run(fs: FaultFs) -> None:
        with use(fs):
            attempt(tmp_path / "file")

    for _ in points(run, fault):
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith(TEMPORARY_PREFIX)] == []


@pytest.mark.parametrize("fault", ["kill", "tear-kill"])
def test_a_process_killed_at_any_operation_leaves_the_old_content_or_the_new(
    tmp_path: Path, fault: Fault
) -> None:
    path = tmp_path / "file"
    script = (
        "import sys; from pathlib import Path; from ground.files import files, use;"
        "from tests.support.faultfs import FaultFs\n"
        f"with use(FaultFs({fault!r}, int(sys.argv[1]))): files().write(Path(sys.argv[2]), {NEW!r})"
    )
    codes = []
    seen = set()
    for at in range(1, 7):
        path.write_bytes(OLD)
        done = subprocess.run([sys.executable, "-c", script, str(at), str(path)], check=False, cwd=_root())
        codes.append(done.returncode)
        seen.add(path.read_bytes())
    assert codes == [-9, -9, -9, -9, -9, 0]
    assert seen == {OLD, NEW}


def test_the_directory_is_flushed_after_the_rename_and_the_file_before_it(tmp_path: Path) -> None:
    fs = FaultFs()
    fs.write(tmp_path / "file", NEW)
    assert [operation for operation, _ in fs.journal] == ["create", "write", "fsync", "rename", "fsync-dir"]


def test_a_new_file_that_is_not_committed_never_appears(tmp_path: Path) -> None:
    with files().open_new(tmp_path / "file") as new:
        new.write(NEW)
    assert list(tmp_path.iterdir()) == []


def test_files_are_for_their_owner_only_unless_said_otherwise(tmp_path: Path) -> None:
    files().write(tmp_path / "mine", NEW)
    files().write(tmp_path / "ours", NEW, mode=0o640)
    files().append(tmp_path / "log", NEW)
    modes = [os.stat(tmp_path / name).st_mode & 0o777 for name in ("mine", "ours", "log")]
    assert modes == [0o600, 0o640, 0o600]


def test_appending_adds_and_a_torn_append_keeps_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "log"
    files().append(path, b"one ")
    with use(FaultFs("tear", 2)), pytest.raises(OSError, match="Input/output"):
        files().append(path, b"two ")
    assert path.read_bytes() == b"one tw"
    files().truncate(path, 4)
    files().append(path, b"two ")
    assert path.read_bytes() == b"one two "


def test_a_symbolic_link_is_replaced_by_one_rename(tmp_path: Path) -> None:
    link = tmp_path / "current"
    files().symlink("first", link)

    def run(fs: FaultFs) -> None:
        with use(fs):
            try:
                files().symlink("second", link)
            except OSError:
                pass

    for _ in points(run):
        assert os.readlink(link) in ("first", "second")
    assert os.readlink(link) == "second"


def test_the_seam_is_usable_without_django() -> None:
    script = "import sys, ground.files, ground.refusals; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False, cwd=_root()).returncode == 0


def _root() -> Path:
    return Path(__file__).resolve().parents[3]
