"""Real ext4 disk images, made from trees that lie on the machine with Debian's ``mke2fs`` and ``debugfs``.

The files that go in are chosen by size from the trees, in a fixed order, so that a machine makes the same
content again. Near-copies are block-wise copies written into through the file system.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20
TREES = ("/usr/lib", "/usr/share", "/usr/bin", "/usr/include")
LARGEST = 64 * MIB  # a single huge library would make up a whole image
SLACK = 1.16  # file system's own tables, journal and half-filled blocks
SYSTEM_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


class DiskError(Exception):
    """An image cannot be made; the text says why."""


@dataclass(frozen=True)
class Disk:
    """One image file and what the portal shall call it."""

    name: str
    path: Path

    @property
    def size(self) -> int:
        return self.path.stat().st_size


def tool(name: str) -> str:
    found = shutil.which(name, path=SYSTEM_PATH)
    if found is None:
        raise DiskError(f"{name} is not on this machine (Debian: e2fsprogs)")
    return found


def regular_files(tree: Path) -> Iterator[tuple[Path, int]]:
    """Readable regular files of a tree in a fixed order, with their sizes; links and devices are left out."""
    for folder, folders, names in os.walk(tree):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            try:
                status = path.lstat()
            except OSError:
                continue
            if stat.S_ISREG(status.st_mode) and 0 < status.st_size <= LARGEST and os.access(path, os.R_OK):
                yield path, status.st_size


def all_files() -> Iterator[tuple[Path, int]]:
    for tree in TREES:
        yield from regular_files(Path(tree))


def make_disks(folder: Path, *, megabytes: int) -> list[Disk]:
    """Three images of ``megabytes`` of content each: a template, its written-into clone, and another layout.

    The template and the third share no file. Raises `DiskError` when the machine's trees are too small.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = all_files()
    template = make_disk(folder / "web-template.img", source, megabytes * MIB)
    clone = clone_disk(template, folder / "web-clone.img", new_bytes=max(1, megabytes // 40) * MIB)
    other = make_disk(folder / "database.img", source, megabytes * MIB)
    return [Disk("web-template", template), Disk("web-clone", clone), Disk("database", other)]


def make_disk(image: Path, source: Iterator[tuple[Path, int]], content_bytes: int) -> Path:
    """One ext4 image filled with ``content_bytes`` of files taken from ``source``."""
    staging = image.with_suffix(".tree")
    filled = count = 0
    try:
        for path, size in source:
            target = staging / path.relative_to("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            filled += size
            count += 1
            if filled >= content_bytes:
                break
        else:
            raise DiskError(
                f"the trees {', '.join(TREES)} hold too few files for {content_bytes // MIB} MiB more"
            )
        blocks = int(filled * SLACK) // MIB + 6
        run(
            tool("mke2fs"), "-q", "-t", "ext4", "-d", str(staging), "-L", image.stem[:16],
            "-E", "lazy_itable_init=0,lazy_journal_init=0", "-N", str(4 * count + 256),
            str(image), f"{blocks}M",
        )  # fmt: skip
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return image


def clone_disk(template: Path, image: Path, *, new_bytes: int) -> Path:
    """A block-wise copy with a new random file and a settings file written through its file system."""
    run("cp", "--sparse=always", str(template), str(image))
    fresh = image.with_suffix(".fresh")
    settings = image.with_suffix(".settings")
    try:
        fresh.write_bytes(secrets.token_bytes(new_bytes))
        settings.write_text("".join(f"option-{number} = changed\n" for number in range(500)))
        commands = f"write {fresh} fresh.bin\nwrite {settings} settings.conf\n"
        run(tool("debugfs"), "-w", "-f", "/dev/stdin", str(image), text=commands)
    finally:
        fresh.unlink(missing_ok=True)
        settings.unlink(missing_ok=True)
    return image


def run(*command: str, text: str | None = None) -> None:
    done = subprocess.run(  # noqa: S603  (fixed commands)
        command,
        input=text,
        stdin=subprocess.DEVNULL if text is None else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise DiskError(f"`{' '.join(command)}` ended with {done.returncode}: {done.stdout[-2000:]}")
