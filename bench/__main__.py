"""`make bench`: the unit beside restic and borg on the same data, interleaved; medians and ratios.

    python -m bench [--quick] [--rounds N] [--without-peers] [--chunks N]

Everything lies below var/bench on one file system. Each contestant meets the files in the page cache, writes
durably, and its restore is compared byte for byte. Ratios above 1 are in our favour; `size_vs_restic` and
`cpu_vs_restic` are our share of theirs. The figures go to var/bench.json.

What stands against what:
first      entry of every file into the unit's store and the first backup, against their first backup
unchanged  a backup when nothing changed since; theirs knows files by size and times, ours knows its images
change     2 % of one image written anew: entry of that image and a backup, against their backup
restore    onto a blank unit, every chunk opened and compared with its id, database loaded and switched to,
           against their restore into files. `files` adds what it costs us to write all of it out as files too
"""

from __future__ import annotations

import argparse
import datetime as dt
import filecmp
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from bench import entry
from bench.data import DENSE, FULL, QUICK, SEED, Change, Scale, files_of, make
from bench.peers import Peer, peers

HERE: Final = Path(__file__).resolve().parents[1]
VAR: Final = HERE / "var"
MILLION: Final = 1_000_000
PHASES: Final = ("first", "unchanged", "change", "restore")


def ours(arguments: list[str], work: Path) -> dict[str, Any]:
    """One run of the unit in a process of its own."""
    command = [sys.executable, "-m", "bench.ours", *arguments, str(work)]
    done = subprocess.run(command, cwd=HERE, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def peer_round(peer: Peer, data: Path, work: Path) -> dict[str, Any]:
    """Every phase once; cleared before and after."""
    peer.clear()
    peer.init()
    found: dict[str, Any] = {"first": asdict(peer.backup()), "size": peer.stored()}
    found["unchanged"] = asdict(peer.backup())
    change, out = Change(data), work / f"out-{peer.name}"
    change.apply()
    try:
        found["change"] = asdict(peer.backup())
        os.sync()
        found["restore"] = asdict(peer.restore(out))  # they flush nothing here, and no time is added for it
        for path in files_of(data):
            if not filecmp.cmp(path, out / path.name, shallow=False):
                raise SystemExit(f"{peer.name} brought {path.name} back different")
    finally:
        change.take_back()
        shutil.rmtree(out, ignore_errors=True)
    peer.clear()
    return found


def warm(data: Path) -> None:
    """Everything into the page cache."""
    for path in [*files_of(data), data / DENSE]:
        with path.open("rb", buffering=0) as file:
            while file.read(4 << 20):
                pass


def median(rounds: list[dict[str, Any]], phase: str, figure: str) -> float:
    found = [float(one[phase][figure]) for one in rounds]
    return statistics.median(found)


def with_first(found: dict[str, Any]) -> dict[str, Any]:
    """Our phases, with `first` as entry and backup together."""
    phases: dict[str, Any] = dict(found["phases"])
    entered, backed = phases["entry"], phases["backup"]
    phases["first"] = {
        "seconds": entered["seconds"] + backed["seconds"],
        "cpu": entered["cpu"] + backed["cpu"],
        "peak_mib": max(entered["peak_mib"], backed["peak_mib"]),
    }
    return {**phases, "size": found["size"]}


def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return f"{os.cpu_count()} cores, {model}, {memory:.0f} GiB, Linux {platform.release()}"


def figures_of(
    rounds: dict[str, list[dict[str, Any]]], entered: dict[str, Any], chunks: dict[str, Any]
) -> dict[str, Any]:
    """The ratios and figures that the targets are about."""
    mine = rounds["unit"]
    found: dict[str, Any] = {}
    for name in ("restic", "borg"):
        theirs = rounds.get(name)
        for phase in PHASES:
            ratio = None
            if theirs:
                ratio = round(median(theirs, phase, "seconds") / median(mine, phase, "seconds"), 2)
            found[f"{phase}_vs_{name}"] = ratio
    restic = rounds.get("restic")
    found["size_vs_restic"] = found["cpu_vs_restic"] = None
    if restic:
        found["size_vs_restic"] = round(mine[-1]["size"] / restic[-1]["size"], 3)
        found["cpu_vs_restic"] = round(median(mine, "first", "cpu") / median(restic, "first", "cpu"), 2)
    found["entry_vs_zstd"] = entered["entry_to_zstd"]
    found["backup_vs_copy"] = round(median(mine, "copy", "seconds") / median(mine, "backup", "seconds"), 2)
    found["peak_mib"] = max(
        int(one[phase]["peak_mib"]) for one in mine for phase in one if isinstance(one[phase], dict)
    )
    unchanged = [one["seconds"] for name, one in chunks["phases"].items() if name.startswith("unchanged")]
    found["unchanged_1m_chunks_s"] = (
        round(statistics.median(unchanged), 2) if chunks["chunks"] == MILLION else None
    )
    found["load_average"] = round(os.getloadavg()[0], 1)
    return found


def table(rounds: dict[str, list[dict[str, Any]]], versions: dict[str, str]) -> str:
    """Medians as Markdown: wall seconds with the spread, and CPU seconds."""
    lines = [
        "| seconds (least to most) / CPU | first | unchanged | 2 % change | restore | size MiB | peak MiB |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, all_of in rounds.items():
        cells = []
        for phase in PHASES:
            walls = [one[phase]["seconds"] for one in all_of]
            cells.append(
                f"{statistics.median(walls):.2f} ({min(walls):.2f} to {max(walls):.2f})"
                f" / {median(all_of, phase, 'cpu'):.2f}"
            )
        peak = max(median(all_of, phase, "peak_mib") for phase in PHASES)
        size = f"{all_of[-1]['size'] / 2**20:.0f}"
        lines.append(f"| {name} {versions.get(name, '')} | {' | '.join(cells)} | {size} | {peak:.0f} |")
    lines += ["", "| the unit, by itself | seconds | CPU |", "|---|---|---|"]
    for phase in ("entry", "backup", "copy", "reentry", "files"):
        seconds, cpu = (median(rounds["unit"], phase, figure) for figure in ("seconds", "cpu"))
        lines.append(f"| {phase} | {seconds:.2f} | {cpu:.2f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="the unit beside restic and borg")
    parser.add_argument("--quick", action="store_true", help="a tenth of the data, one round")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--without-peers", action="store_true")
    parser.add_argument("--chunks", type=int, default=0, help="chunks of metadata for the unchanged backup")
    options = parser.parse_args()
    scale: Scale = QUICK if options.quick else FULL
    count = options.rounds or (1 if options.quick else 3)
    chunks = options.chunks or (20_000 if options.quick else MILLION)
    data, work = VAR / "bench" / ("quick" if options.quick else "full"), VAR / "bench" / "work"
    shutil.rmtree(work, ignore_errors=True)
    (VAR / "bench" / "tools").mkdir(parents=True, exist_ok=True)
    work.mkdir()
    print("making the data set …", flush=True)
    make(data, scale)
    against: list[Peer] = []
    missing: list[str] = ["left out by --without-peers"]
    if not options.without_peers:
        against, missing = peers(VAR / "bench" / "tools", work, (data / "set").resolve())
    rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in (*(one.name for one in against), "unit")}
    try:
        for number in range(count):
            print(f"round {number + 1} of {count} …", flush=True)
            for peer in against:
                warm(data)
                rounds[peer.name].append(peer_round(peer, data, work))
            warm(data)
            rounds["unit"].append(with_first(ours(["set", str(data)], work)))
            (VAR / "bench" / "rounds.json").write_text(json.dumps(rounds, indent=1) + "\n")
        print("entry against zstd …", flush=True)
        (work / "entry").mkdir()
        entered = entry.measure(data / DENSE, count, work / "entry")
        print(f"unchanged backup at {chunks:,} chunks …", flush=True)
        metadata = ours(["chunks", str(chunks)], work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    figures = {
        **figures_of(rounds, entered, metadata),
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "seed": SEED,
        "quick": options.quick,
        "rounds": count,
        "versions": {peer.name: peer.version for peer in against},
        "missing": missing,
        "entry": entered,
        "chunks": metadata,
    }
    (VAR / "bench.json").write_text(json.dumps(figures, indent=1) + "\n")
    print("\n" + table(rounds, figures["versions"]) + "\n")
    for name, value in figures.items():
        if not isinstance(value, dict | list):
            print(f"{name:24} {value}")
    for why in missing:
        print(f"left out: {why}")
    print("written to var/bench.json")


if __name__ == "__main__":
    main()
