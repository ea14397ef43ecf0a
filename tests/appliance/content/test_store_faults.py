"""The store under faults: at every durable operation an error, a torn write, or a kill.

After each: what was put before is there; the put that was struck is whole or invisible, and visible exactly
if it said so; the next put works and the store verifies clean.
"""

from __future__ import annotations

import io
import itertools
import os
import signal
from collections.abc import Iterator

import pytest

from appliance.content.engine.store import Store
from appliance.content.errors import StoreFull
from ground.files import use
from ground.refusals import Refusal
from tests.appliance.content.conftest import Place, noise
from tests.support.faultfs import RAISING, Fault, FaultFs, points

BEFORE, STRUCK, AFTER = noise(200_000, 1), noise(300_000, 2), noise(250_000, 3)


def put(store: Store, content: bytes) -> str:
    with store.batch() as batch:
        return batch.put_stream(io.BytesIO(content)).recipe


def got(store: Store, recipe: str) -> bytes:
    return b"".join(store.iter_read(recipe))


def check_world(place: Place, before: str, struck: str | None) -> None:
    """The invariants, on the store as the next process finds it."""
    with place.open() as store:
        assert got(store, before) == BEFORE
        assert [got(store, recipe) for recipe in filter(None, [struck])] in ([], [STRUCK])
        assert got(store, put(store, AFTER)) == AFTER
        assert got(store, put(store, STRUCK)) == STRUCK
        assert store.verify(chunks=True) == []
        assert list((place.root / "packs").glob(".tmp-*")) == []


@pytest.mark.parametrize("fault", RAISING)
@pytest.mark.parametrize("sticky", [False, True], ids=["once", "for-good"])
def test_an_error_at_every_operation_loses_nothing(place: Place, fault: Fault, sticky: bool) -> None:
    with place.open() as store:
        before = put(store, BEFORE)
    said: list[str | None] = []

    def run(fs: FaultFs) -> None:
        said.append(None)
        with use(fs):
            try:
                with place.open() as store:
                    said[-1] = put(store, STRUCK + len(said).to_bytes(2, "big"))
            except (OSError, Refusal):
                return

    struck = 0
    for fs in points(run, fault, sticky=sticky):
        struck += fs.struck
        with place.open() as store:
            assert got(store, before) == BEFORE
            whole = [got(store, recipe) for recipe in filter(None, [said[-1]])]
            assert whole in ([], [STRUCK + len(said).to_bytes(2, "big")])
    assert struck >= 5
    assert said[-1] is not None
    check_world(place, before, None)


def test_a_full_disk_is_named_as_such(place: Place) -> None:
    with place.open() as store, pytest.raises(StoreFull), use(FaultFs("ENOSPC", 1)):
        put(store, STRUCK)


@pytest.mark.parametrize("fault", ["kill", "tear-kill"])
def test_a_kill_at_every_operation_loses_nothing(place: Place, fault: Fault) -> None:
    with place.open() as store:
        before = put(store, BEFORE)
    ends = []
    for end in until_untouched(place, fault):
        check_world(place, before, None)
        ends.append(end)
    assert ends == [-signal.SIGKILL] * (len(ends) - 1) + [0]
    assert len(ends) >= 5


def until_untouched(place: Place, fault: Fault) -> Iterator[int]:
    """How each run ended: negative is the signal that killed it. The last one met no fault."""
    for at in itertools.count(1):
        end = os.waitstatus_to_exitcode(in_a_child(place, fault, at))
        yield end
        if end >= 0:
            return


def in_a_child(place: Place, fault: Fault, at: int) -> int:
    """Put fresh content in a process of its own, with a fault; returns how it ended."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with use(FaultFs(fault, at)), place.open() as store:
                put(store, STRUCK + at.to_bytes(2, "big"))
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1]


def test_a_killed_put_is_not_paid_twice(place: Place) -> None:
    """Killed after its packs and before its recipe: the retry finds every chunk."""
    content = noise(140 << 20, 4)
    assert os.waitstatus_to_exitcode(put_and_die(place, content)) == -signal.SIGKILL
    with place.open() as store, store.batch() as batch:
        again = batch.put_stream(io.BytesIO(content))
        assert again.new_bytes < 140 << 20
    with place.open() as store:
        assert got(store, again.recipe) == content


def put_and_die(place: Place, content: bytes) -> int:
    """In a process of its own: take everything in, and be killed before the batch ends."""
    child = os.fork()
    if child == 0:
        try:
            with place.open() as store, store.batch() as batch:
                batch.put_stream(io.BytesIO(content))
                os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1]
