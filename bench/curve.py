"""Time and memory as content grows: entry, backup, unchanged backup and restore at several sizes.

    python -m bench.curve [GIGABYTES …]         sizes of dense content, all of it new (default: 1 4)
    python -m bench.curve --chunks [COUNT …]    chunks of metadata (default: 10000 100000 1000000)

Content of any size is made of the data set's dense file: again and again, with a few random bytes written
into every 16 KiB, so that no chunk comes twice and all compress as before. What comes back is compared.
"""
# ruff: noqa: S311  # numbers of a data set, the same each time

from __future__ import annotations

import argparse
import json
import random
import shutil
from pathlib import Path
from typing import Any, Final

from bench.__main__ import VAR, machine, ours
from bench.data import DENSE, FULL, SEED, make

GB: Final = 1_000_000_000
OBJECT_BYTES: Final = GB // 2
STEP: Final = 16 * 1024
MARK_BYTES: Final = 16
MARKS: Final = ("entry", "backup", "unchanged", "reentry", "restore", "files")


def content(folder: Path, dense: Path, size: int) -> None:
    """`size` bytes in files of half a gigabyte below `folder`/set."""
    rng = random.Random(SEED)
    place = folder / "set"
    place.mkdir(parents=True)
    with dense.open("rb") as source:
        for number in range(size // OBJECT_BYTES):
            # The bench's 2 % change wants this name for one of them.
            name = "clone-one.img" if number == 0 else f"object-{number:03}.img"
            with (place / name).open("wb") as target:
                left = OBJECT_BYTES
                while left:
                    piece = bytearray(source.read(min(left, 64 * STEP)))
                    if not piece:
                        source.seek(0)
                        continue
                    for start in range(0, len(piece) - MARK_BYTES, STEP):
                        piece[start : start + MARK_BYTES] = rng.randbytes(MARK_BYTES)
                    target.write(piece)
                    left -= len(piece)


def by_size(sizes: list[int], work: Path) -> list[dict[str, Any]]:
    """One round for each size."""
    make(VAR / "bench" / "full", FULL)
    found = []
    for gigabytes in sizes:
        data = work / f"{gigabytes}-gb"
        content(data, VAR / "bench" / "full" / DENSE, gigabytes * GB)
        one = ours(["set", str(data)], work)
        shutil.rmtree(data)
        found.append({"gigabytes": gigabytes, "size": one["size"], **one["phases"]})
        print(row(f"{gigabytes} GB", one["phases"], MARKS), flush=True)
    return found


def by_chunks(counts: list[int], work: Path) -> list[dict[str, Any]]:
    """The unchanged backup for each number of chunks."""
    found = []
    for count in counts:
        one = ours(["chunks", str(count)], work)
        found.append({"chunks": count, **one["phases"]})
        print(row(f"{count:,} chunks", one["phases"], ("backup", "unchanged", "unchanged-2")), flush=True)
    return found


def row(name: str, phases: dict[str, dict[str, float]], wanted: tuple[str, ...]) -> str:
    """One line of a Markdown table: seconds / CPU seconds / peak MiB of each phase."""
    cells = [
        f"{phases[phase]['seconds']:.2f} / {phases[phase]['cpu']:.2f} / {phases[phase]['peak_mib']:.0f}"
        for phase in wanted
    ]
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description="time and memory as content grows")
    parser.add_argument("--chunks", action="store_true")
    parser.add_argument("sizes", nargs="*", type=int)
    options = parser.parse_args()
    work = VAR / "bench" / "curve"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        if options.chunks:
            print("| chunks, seconds / CPU / peak MiB | first backup | unchanged | unchanged again |")
            found = by_chunks(options.sizes or [10_000, 100_000, 1_000_000], work)
        else:
            print(f"| content, seconds / CPU / peak MiB | {' | '.join(MARKS)} |")
            found = by_size(options.sizes or [1, 4], work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(json.dumps({"machine": machine(), "curve": found}))


if __name__ == "__main__":
    main()
