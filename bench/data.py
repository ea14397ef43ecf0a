"""The data set of the bench, made from the trees of public packages that lie on the machine.

    python -m bench.data FOLDER [--quick]

Six files, the same bytes for every contestant: four raw ext4 images (a template, two block-wise clones of it
written into through their file systems, one of the same files laid out anew), one tar of 20,000 small scripts
(the unit keeps disk images and no loose files, so they enter as one object, for the peers too), and a 100 MB
database dump. `--quick` makes a tenth of everything. Beside them `dense.tar`, which is no part of the set:
one file without holes or repetitions, for the comparison of entry with zstd.

Random bytes and what is written follow SEED, so a machine makes the same set again.
"""
# ruff: noqa: S311  # numbers of a data set, the same each time

from __future__ import annotations

import argparse
import io
import os
import random
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.disks import MIB, SLACK, TREES, make_disk, regular_files, run, tool

SEED: Final = 20261123
SCRIPT_BYTES: Final = 16 * 1024  # the largest of the small files
RUN_BYTES: Final = 128 * 1024
CHANGED_PERCENT: Final = 2
CHANGED: Final = "clone-one.img"
DENSE: Final = "dense.tar"


@dataclass(frozen=True, slots=True)
class Scale:
    """How large the parts are."""

    image_bytes: int
    fresh_bytes: int
    scripts: int
    dump_bytes: int


FULL: Final = Scale(820 * MIB, 24 * MIB, 20_000, 100 * 1_000_000)
QUICK: Final = Scale(82 * MIB, 2 * MIB + 400 * 1024, 2_000, 10 * 1_000_000)


def make(folder: Path, scale: Scale) -> None:
    """Make the set in `folder`/set and the dense file beside it; nothing is done if it is there already."""
    mark = folder / "complete"
    if mark.exists() and mark.read_text() == repr(scale):
        return
    shutil.rmtree(folder, ignore_errors=True)
    place = folder / "set"
    place.mkdir(parents=True)
    template = make_disk(place / "template.img", _all_files(), scale.image_bytes)
    for number, name in enumerate(("clone-one", "clone-two")):
        _clone(template, place / f"{name}.img", scale.fresh_bytes, random.Random(SEED + number))
    _anew(place / "anew.img", scale.image_bytes)
    _scripts(place / "scripts.tar", scale.scripts)
    _dump(place / "database.sql", scale.dump_bytes)
    _dense(folder / DENSE, scale.image_bytes * 3 // 4)
    mark.write_text(repr(scale))


def files_of(folder: Path) -> list[Path]:
    """The files of the set, in order."""
    return sorted((folder / "set").iterdir())


class Change:
    """2 % of one image, in random runs of 128 KiB, half of each random bytes and half bytes from elsewhere in
    the image. Applied in place and taken back, so that every contestant meets the same."""

    def __init__(self, folder: Path) -> None:
        self.path: Final = folder / "set" / CHANGED
        rng = random.Random(SEED)
        size = self.path.stat().st_size
        runs = max(1, size * CHANGED_PERCENT // 100 // RUN_BYTES)
        places = rng.sample(range(size // RUN_BYTES), runs)
        self._old: Final[list[tuple[int, bytes]]] = []
        self._new: Final[list[tuple[int, bytes]]] = []
        with self.path.open("rb") as file:
            for place in sorted(places):
                offset = place * RUN_BYTES
                file.seek(offset)
                self._old.append((offset, file.read(RUN_BYTES)))
                file.seek(rng.randrange(size - RUN_BYTES))
                self._new.append((offset, rng.randbytes(RUN_BYTES // 2) + file.read(RUN_BYTES // 2)))

    def apply(self) -> None:
        self._write(self._new)

    def take_back(self) -> None:
        self._write(self._old)

    def _write(self, pieces: list[tuple[int, bytes]]) -> None:
        with self.path.open("r+b") as file:
            for offset, data in pieces:
                file.seek(offset)
                file.write(data)
            file.flush()
            os.fsync(file.fileno())


def _all_files() -> Iterator[tuple[Path, int]]:
    for tree in TREES:
        yield from regular_files(Path(tree))


def _clone(template: Path, image: Path, fresh_bytes: int, rng: random.Random) -> None:
    """A block-wise copy with a package, changed configuration and random data written into it."""
    run("cp", "--sparse=always", str(template), str(image))
    extra = [path for path, size in regular_files(Path("/usr/include")) if size > 4096][:200]
    rng.shuffle(extra)
    fresh, settings = image.with_suffix(".fresh"), image.with_suffix(".settings")
    fresh.write_bytes(rng.randbytes(fresh_bytes))
    settings.write_text("".join(f"option-{n} = {rng.random()}\n" for n in range(500)))
    commands = [f"write {fresh} fresh.bin", f"write {settings} settings.conf", "mkdir package"]
    commands += [f"write {path} package/{n}.h" for n, path in enumerate(extra[:100])]
    try:
        run(tool("debugfs"), "-w", "-f", "/dev/stdin", str(image), text="\n".join(commands) + "\n")
    finally:
        fresh.unlink()
        settings.unlink()


def _anew(image: Path, content_bytes: int) -> None:
    """The template's files in other directories, another order and another file system."""
    staging = image.with_suffix(".tree")
    chosen, filled = [], 0
    for path, size in _all_files():
        chosen.append(path)
        filled += size
        if filled >= content_bytes:
            break
    random.Random(SEED).shuffle(chosen)
    for number, path in enumerate(chosen):
        target = staging / f"{number % 64:02}" / f"{number}{path.suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    blocks = int(filled * SLACK) // MIB + 6
    run(
        tool("mke2fs"), "-q", "-t", "ext4", "-d", str(staging), "-L", "anew",
        "-E", "lazy_itable_init=0,lazy_journal_init=0", "-N", str(4 * len(chosen) + 256),
        str(image), f"{blocks}M",
    )  # fmt: skip
    shutil.rmtree(staging)


def _scripts(target: Path, count: int) -> None:
    """Small text files of /usr, one after the other; the last ones with a changed first line if need be."""
    found = [path for path, size in _all_files() if size <= SCRIPT_BYTES and path.suffix in _SCRIPTS]
    with tarfile.open(target, "w") as archive:
        for number in range(count):
            path = found[number % len(found)]
            data = (b"" if number < len(found) else b"# copy %d\n" % number) + path.read_bytes()
            entry = tarfile.TarInfo(f"scripts/{number:05}{path.suffix}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))


_SCRIPTS: Final = frozenset({".py", ".sh", ".pl", ".pm", ".h", ".js", ".rb", ".txt", ".json", ".xml", ".tcl"})


def _dump(target: Path, size: int) -> None:
    """INSERT statements with words, numbers, dates and digests, as a dump of a business database has them."""
    rng = random.Random(SEED)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(3, 10))) for _ in range(4000)]
    with target.open("w") as file:
        number = 0
        while file.tell() < size:
            rows = []
            for _ in range(100):
                number += 1
                text = " ".join(rng.choices(words, k=12))
                when = f"2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02} {rng.randint(0, 23):02}:00:00"
                rows.append(
                    f"({number},'{text}',{rng.randint(0, 99999)}.{rng.randint(0, 99):02},'{when}',"
                    f"'{rng.randbytes(8).hex()}')"
                )
            file.write(f"INSERT INTO orders VALUES {','.join(rows)};\n")  # noqa: S608  # text of a file


def _dense(target: Path, size: int) -> None:
    """A plain tar of files, none twice."""
    listing, filled = [], 0
    for path, length in _all_files():
        listing.append(str(path))
        filled += length
        if filled >= size:
            break
    subprocess.run(  # noqa: S603  # fixed command
        ["tar", "-cf", str(target), "--no-recursion", "-P", "-T", "-"],  # noqa: S607
        input="\n".join(listing), text=True, check=True,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="make the data set of the bench")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    make(options.folder, QUICK if options.quick else FULL)
    for path in files_of(options.folder):
        status = path.stat()
        print(
            f"{path.name:16} {status.st_size / 1e6:8.1f} MB, allocated {status.st_blocks * 512 / 1e6:8.1f} MB"
        )


if __name__ == "__main__":
    main()
