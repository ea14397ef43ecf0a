"""Entry speed and memory: content into the store on two threads, against zstd -1 on the same bytes.

    python -m bench.entry [FILE] [--rounds 3]

Without FILE a tar of /usr/share is made first (real data, without holes). The rounds of all contestants are
interleaved; the figures are medians. The last line is JSON. `engine` seals without the SHA-256 of the
content; `catalogue` computes it too, as uploads and imports do; `unchanged` puts the same bytes in again;
`read` writes the object back, every chunk authenticated. Peak memory is that of a process which does nothing
else; `cpu` is its processor time, which a busy machine changes least.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ZSTD = shutil.which("zstd") or "zstd"
TAR = shutil.which("tar") or "tar"


def contestant(kind: str, source: Path, store: Path) -> dict[str, Any]:
    """Run in a process of its own, so that its peak memory is its own."""
    command = [sys.executable, "-m", "bench.entry", "--work", kind, str(source), "--store", str(store)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  # our own module
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def work(kind: str, source: Path, root: Path) -> dict[str, Any]:
    """One measurement in this process."""
    from appliance.content.engine.outlet import FileSink
    from appliance.content.engine.store import Store
    from sealing.content.keys import HeldKeys, SealingKey
    from sealing.secret import DataKey, IdKey, Key256

    # Fixed keys, so that each process can open what another one sealed; speed does not depend on them.
    key = SealingKey("ab" * 16, DataKey(b"d" * 32))
    keys = HeldKeys(key, {}, {"main": IdKey(b"i" * 32)})
    with Store.open(root, keys=keys, index_key=Key256(b"x" * 32)) as store:
        before = time.perf_counter()
        with store.batch() as batch:
            put = batch.put_file(source, sha256=kind == "catalogue")
        seconds = time.perf_counter() - before
        if kind == "read":
            before = time.perf_counter()
            with FileSink(root / "read") as sink:
                sink.commit(store.read(put.recipe, sink))
            seconds = time.perf_counter() - before
            (root / "read").unlink()
        stored = store.statistics().stored_bytes
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": seconds,
        "cpu": used.ru_utime + used.ru_stime,
        "peak_mib": used.ru_maxrss // 1024,
        "stored_bytes": stored,
        "new_bytes": put.new_bytes,
    }


def zstd(source: Path, target: Path) -> dict[str, Any]:
    """zstd -1 on two threads, durable like the store."""
    before, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([ZSTD, "-1", "-T2", "-q", "-f", "-o", target, source], check=True)  # noqa: S603
    with target.open("rb") as file:
        os.fsync(file.fileno())
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    return {"seconds": time.perf_counter() - before, "cpu": cpu, "stored_bytes": target.stat().st_size}


def measure(source: Path, rounds: int, below: Path) -> dict[str, Any]:
    """All contestants, interleaved."""
    runs: dict[str, list[dict[str, Any]]] = {}
    with source.open("rb", buffering=0) as file:
        while file.read(1 << 20):  # into the page cache, for all alike
            pass
    for number in range(rounds):
        store = below / f"store-{number}"
        for kind in ("engine", "unchanged", "read"):
            runs.setdefault(kind, []).append(contestant(kind, source, store))
        shutil.rmtree(store)
        runs.setdefault("catalogue", []).append(contestant("catalogue", source, store))
        shutil.rmtree(store)
        runs.setdefault("zstd", []).append(zstd(source, below / "zst"))
    size = source.stat().st_size
    figures: dict[str, Any] = {"bytes": size, "rounds": rounds}
    for kind, found in runs.items():
        seconds = statistics.median(run["seconds"] for run in found)
        figures[kind] = {
            "seconds": round(seconds, 2),
            "mb_per_second": round(size / seconds / 1e6),
            "cpu": round(statistics.median(run["cpu"] for run in found), 2),
            "stored_mib": round(found[-1]["stored_bytes"] / 2**20, 1),
            "peak_mib": max(run.get("peak_mib", 0) for run in found),
        }
    figures["entry_to_zstd"] = round(figures["zstd"]["seconds"] / figures["engine"]["seconds"], 2)
    figures["catalogue_to_zstd"] = round(figures["zstd"]["seconds"] / figures["catalogue"]["seconds"], 2)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("source", nargs="?", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--store", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        print(json.dumps(work(options.work, options.source, options.store)))
        return
    with tempfile.TemporaryDirectory(prefix="strongroom-bench-") as name:
        source = options.source or Path(name) / "usr-share.tar"
        if options.source is None:
            subprocess.run([TAR, "-cf", source, "-C", "/usr", "share"], check=True)  # noqa: S603
        figures = measure(source, options.rounds, Path(name))
    for kind in ("zstd", "engine", "catalogue", "unchanged", "read"):
        row = figures[kind]
        print(
            f"{kind:10} {row['seconds']:7.2f} s ({row['cpu']:.2f} s cpu) {row['mb_per_second']:6} MB/s "
            f"{row['stored_mib']:8.1f} MiB stored, peak {row['peak_mib']} MiB"
        )
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
