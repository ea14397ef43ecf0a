"""The unit's side of the bench: a real unit in one process, through its own actions, jobs and key process.

    python -m bench.ours set    DATA WORK [--no-compare]
    python -m bench.ours chunks COUNT WORK

`set` is one round over the data set: entry of every file, first backup, a backup with nothing changed, entry
of the same bytes once more, 2 % change, restore onto a blank unit. `chunks` is the unchanged backup of a unit
whose store holds COUNT chunks. The last line is JSON.

CPU is that of this process and of the key process; peak memory that of this process, with all it imports,
reset before each phase. The manufacturer (escrow, drill, transfer) is a stand-in made of signed documents,
and is outside every measured phase.
"""

from __future__ import annotations

import argparse
import filecmp
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench.data import CHANGED, Change, files_of
from bench.peers import own_cpu, tree_bytes

if TYPE_CHECKING:
    from appliance.backup.models import BackupImage, BackupTarget
    from tests.support.bench import Bench

TICKS: Final = os.sysconf("SC_CLK_TCK")
COPY_BYTES: Final = 4 << 20


class Meter:
    """Seconds, CPU and peak memory of named phases."""

    def __init__(self, other: Callable[[], int]) -> None:
        self._other: Final = other  # pid of the key process
        self.phases: dict[str, dict[str, float]] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        os.sync()  # what earlier phases left to write is not this one's
        Path("/proc/self/clear_refs").write_text("5")
        before, cpu = time.perf_counter(), own_cpu() + cpu_of(self._other())
        yield
        self.phases[name] = {
            "seconds": time.perf_counter() - before,
            "cpu": own_cpu() + cpu_of(self._other()) - cpu,
            "peak_mib": peak_mib(),
        }


def cpu_of(pid: int) -> float:
    """CPU seconds of another process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_mib() -> int:
    """The highest resident size since the last reset."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024
    raise AssertionError("the kernel tells no peak")


@contextmanager
def unit_in(work: Path) -> Iterator[Bench]:
    """A unit in service whose site, store and target lie below `work`."""
    os.environ.update(
        STRONGROOM_ROLE="appliance",
        STRONGROOM_SITE_DIR=str(work / "site"),
        STRONGROOM_SITE_NAME="bench",
        STRONGROOM_LOOPBACK="1",
        DJANGO_SETTINGS_MODULE="config.settings",
    )
    for name in ("DATABASE_URL", "REDIS_URL", "STRONGROOM_PROCESS", "STRONGROOM_DATABASE_KEY_FD"):
        os.environ.pop(name, None)
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    import appliance.backup.tasks
    import appliance.catalog.tasks
    import appliance.recovery.tasks  # noqa: F401  # registers the handlers, as a worker does
    from jobs import broker
    from tests.appliance.keys.maker import Maker
    from tests.support.bench import Bench

    broker.send = lambda _: False  # type: ignore[assignment]  # jobs are run by hand, here
    maker = Maker()
    maker.use_list(maker.make_authorities())
    bench = Bench(maker, work / "targets")
    try:
        bench.put_unit()
        yield bench
    finally:
        bench.clear()


def key_pid(bench: Bench) -> Callable[[], int]:
    def pid() -> int:
        assert bench.running.process is not None
        return bench.running.process.pid

    return pid


def bring(bench: Bench, path: Path) -> None:
    """Entry of one file, as a virtual image."""
    from appliance.catalog.actions import import_file
    from tests.support.bench import ADMIN

    _, job = import_file(actor=ADMIN, path=path, name=path.name)
    bench.done(job)


def drop(name: str) -> None:
    """Take one image out of the catalogue, for a new version to take its place."""
    from appliance.catalog.actions import delete_image
    from appliance.catalog.models import VirtualImage
    from tests.support.bench import ADMIN

    delete_image(VirtualImage.objects.get(name=name), actor=ADMIN)


def one_round(data: Path, work: Path, *, compare: bool) -> dict[str, Any]:
    """Every phase once."""
    with unit_in(work) as bench:
        meter = Meter(key_pid(bench))
        target = bench.add_target()
        place = bench.path_of(target)
        bench.add_person()
        found: dict[str, Any] = {"phases": meter.phases}
        with meter.phase("entry"):
            for path in files_of(data):
                bring(bench, path)
        with meter.phase("backup"):
            bench.back_up(target, verify=False)
        found["size"] = tree_bytes(place)
        with meter.phase("copy"):
            plain_copy(place, work / "copy")
        shutil.rmtree(work / "copy")
        with meter.phase("unchanged"):
            bench.back_up(target, verify=False)
        with meter.phase("reentry"):
            for path in files_of(data):
                drop(path.name)
                bring(bench, path)
        change = Change(data)
        change.apply()
        try:
            with meter.phase("change"):
                drop(CHANGED)
                bring(bench, data / "set" / CHANGED)
                image = bench.back_up(target, verify=False)
            restore(bench, target, image, meter)
            found["compared"] = give_out(data, work / "out", meter) if compare else 0
        finally:
            change.take_back()
        return found


def restore(bench: Bench, target: BackupTarget, image: BackupImage, meter: Meter) -> None:
    """The unit is lost; a blank one gets the transfer, and brings the newest image back."""
    from appliance.backup.models import BackupImage

    values, head, name = bench.values_in(image), image.head, target.name
    bench.put_blank_unit("SR-A-0002")
    bench.add_target(name)
    bench.install(values, [head])
    image = BackupImage.objects.get(pk=image.pk)
    with meter.phase("restore"):
        bench.restore(image)


def give_out(data: Path, out: Path, meter: Meter) -> int:
    """Write every restored object into a file and compare it with what was brought in, byte for byte."""
    from appliance.catalog.models import VirtualImage
    from appliance.content.engine import opening
    from appliance.content.engine.outlet import FileSink

    out.mkdir(parents=True)
    rows = list(VirtualImage.objects.order_by("name"))
    with meter.phase("files"), opening.open_store(writing=False) as store:
        for row in rows:
            with FileSink(out / row.name) as sink:
                sink.commit(store.read(row.recipe, sink))
    originals = files_of(data)
    if [row.name for row in rows] != [path.name for path in originals]:
        raise SystemExit("the restored catalogue names other objects")
    for path in originals:
        if not filecmp.cmp(path, out / path.name, shallow=False):
            raise SystemExit(f"{path.name} came back different")
    shutil.rmtree(out)
    return len(originals)


def plain_copy(source: Path, target: Path) -> None:
    """The same files, copied one after the other with fsync of each file and of each directory."""
    for folder, _, names in os.walk(source):
        place = target / Path(folder).relative_to(source)
        place.mkdir(parents=True)
        for name in names:
            with Path(folder, name).open("rb", buffering=0) as old, (place / name).open("xb", 0) as new:
                while piece := old.read(COPY_BYTES):
                    new.write(piece)
                os.fsync(new.fileno())
        handle = os.open(place, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)


def many_chunks(count: int, work: Path) -> dict[str, Any]:
    """Unchanged backup with `count` chunks in the store."""
    from bench.chunks import fill

    with unit_in(work) as bench:
        meter = Meter(key_pid(bench))
        target = bench.add_target()
        with meter.phase("fill"):
            fill(count)
        with meter.phase("backup"):
            bench.back_up(target, verify=False)
        for name in ("unchanged", "unchanged-2", "unchanged-3"):
            with meter.phase(name):
                bench.back_up(target, verify=False)
        return {"phases": meter.phases, "chunks": count}


def main() -> None:
    parser = argparse.ArgumentParser(description="the unit's side of the bench")
    parser.add_argument("what", choices=("set", "chunks"))
    parser.add_argument("given", help="folder of the data set, or the number of chunks")
    parser.add_argument("work", type=Path)
    parser.add_argument("--no-compare", action="store_true")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    # The socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.work) as name:
        if options.what == "set":
            found = one_round(Path(options.given).resolve(), Path(name), compare=not options.no_compare)
        else:
            found = many_chunks(int(options.given), Path(name))
    sys.stdout.flush()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
