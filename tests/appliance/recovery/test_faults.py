"""A disk that fails under a restore and under a rotation: at the Nth write, then sound again.

Whatever was struck, the world is whole afterwards and the same step succeeds. Here some writes are struck,
each in one manner; `make test-long` strikes every one in every manner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest

from appliance.backup.models import BackupImage
from appliance.keys.errors import StorageFailed
from appliance.recovery.actions import start_restore
from appliance.unit.models import Unit
from appliance.unit.selectors import unit
from ground.db import generations
from ground.files import use
from jobs.models import Job
from tests.support.bench import ADMIN, LOST_AND_KEYED, Bench, lose_and_key
from tests.support.faultfs import RAISING, Fault, FaultFs
from tests.support.world import check_world

Strike = tuple[Fault, int]
SWITCH = 3  # the last writes of a restore: the rename that switches, and what flushes it
ROTATION = 45  # operations of the key process from its start to the end of a rotation, and some more
# The key process takes the seam of the test from its first line on.
FAILING = (
    "from ground.files import fs; from tests.support.faultfs import FaultFs; fs._current = FaultFs({!r}, {})"
)


def some(points: Sequence[int]) -> Iterator[Strike]:
    """Every manner in its turn."""
    for turn, at in enumerate(points):
        yield RAISING[turn % len(RAISING)], at


def every(points: Sequence[int]) -> Iterator[Strike]:
    for at in points:
        for fault in RAISING:
            yield fault, at


# ---- restore -----------------------------------------------------------------------------------------------


@pytest.fixture
def lost(bench: Bench) -> Bench:
    """A keyed replacement, connected to the target of a unit that is gone; kept, to be put there again."""
    bench.stage(LOST_AND_KEYED, lambda: lose_and_key(bench))
    return bench


def put_again(bench: Bench) -> None:
    bench.running.kill()
    bench.shelf.put(LOST_AND_KEYED, bench.targets)
    bench.running.start()


def the_restore() -> Job:
    return start_restore(BackupImage.objects.get(), actor=ADMIN)


def writes_of_a_restore(bench: Bench) -> int:
    """Of one that nothing strikes."""
    seam = FaultFs()
    with use(seam):
        bench.done(the_restore())
    return seam.count


def strike_restore(bench: Bench, fault: Fault, at: int) -> str:
    """One restore with one fault; how its job stood then. Whatever that was, the content comes back."""
    put_again(bench)
    job, seam = the_restore(), FaultFs(fault, at)
    with use(seam):
        bench.work(job)
    assert seam.struck
    ended = str(job.state)
    # A job that is to be tried again is alive: what it will clear up needs nobody.
    check_world(scan=False, skip={"queued": ("I10",)}.get(ended, ()))
    go_on: dict[str, Callable[[Job], None]] = {
        "queued": bench.lose,
        "failed": start_again,
        "done": lambda _: None,
    }
    go_on[ended](job)
    for waiting in bench.waiting("recovery.restore"):
        bench.done(waiting)
    assert bench.digests() == bench.content
    assert unit().state == Unit.State.MUST_ROTATE
    assert generations.orphans() == []
    return ended


def start_again(failed: Job) -> None:
    """What a person does who read why it failed. Nothing of the unit was changed."""
    assert failed.refusal["next_step"]
    assert unit().state == Unit.State.KEYED
    assert generations.orphans() == []
    the_restore()


@pytest.mark.timeout(300)
def test_a_restore_struck_at_some_of_its_writes_comes_back_whole(lost: Bench) -> None:
    total = writes_of_a_restore(lost)
    points = sorted({*range(1, total - SWITCH, 11), *range(total - SWITCH + 1, total + 1)})
    ended = [strike_restore(lost, fault, at) for fault, at in some(points)]
    check_world(open_value=lost.maker.open_value, scan=False)
    assert len(ended) >= 6
    assert set(ended) <= {"queued", "failed", "done"}


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_restore_struck_at_any_write_in_any_manner_comes_back_whole(lost: Bench) -> None:
    total = writes_of_a_restore(lost)
    ended = [strike_restore(lost, fault, at) for fault, at in every(range(1, total + 1))]
    assert len(ended) == total * len(RAISING)
    assert {"queued", "failed"} <= set(ended)


# ---- rotation ----------------------------------------------------------------------------------------------


def strike_rotation(bench: Bench, fault: Fault, at: int) -> bool:
    """One rotation with one fault in the key process, then one that must succeed; whether it was struck."""
    bench.running.kill()
    bench.running.start(code=FAILING.format(fault, at))
    refused = False
    try:
        bench.rotate()
    except StorageFailed:
        refused = True
    said = bench.keys.status()
    bench.restart_keys()
    assert bench.keys.status() == said, "what the process said is what its files say"
    bench.sync()
    check_world(scan=False)
    key_id = bench.rotate()
    status = bench.keys.status()
    assert status.active is not None
    assert (status.active.key_id, status.pending) == (key_id, None)
    return refused


@pytest.mark.timeout(300)
def test_a_rotation_struck_at_some_of_its_writes_is_finished_by_the_next(unit_on_bench: Bench) -> None:
    unit_on_bench.back_up(unit_on_bench.add_target())
    refused = [strike_rotation(unit_on_bench, fault, at) for fault, at in some(range(4, ROTATION, 7))]
    assert sum(refused) >= 3
    assert unit_on_bench.back_up(unit_on_bench.add_target("other")).state == "verified"


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_rotation_struck_at_any_write_in_any_manner_is_finished_by_the_next(unit_on_bench: Bench) -> None:
    unit_on_bench.back_up(unit_on_bench.add_target())
    strikes = list(every(range(2, ROTATION)))
    assert sum(strike_rotation(unit_on_bench, fault, at) for fault, at in strikes) > len(strikes) // 2
