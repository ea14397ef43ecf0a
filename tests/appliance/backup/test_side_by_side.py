"""The same work for many things, two at a time."""

from __future__ import annotations

import threading

import pytest

from appliance.backup.engine.side_by_side import side_by_side


def nothing() -> None:
    """Nobody cancels."""


def test_a_failure_is_raised_and_nothing_more_is_begun() -> None:
    begun: list[int] = []

    def work(thing: int) -> int:
        begun.append(thing)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        list(side_by_side(work, range(1000), nothing))
    assert len(begun) < 50


def test_a_cancellation_ends_it_between_two_things() -> None:
    done: list[int] = []

    def check() -> None:
        raise InterruptedError("cancelled")

    with pytest.raises(InterruptedError):
        list(side_by_side(done.append, range(1000), check))
    assert len(done) < 50


def test_everything_is_done_once_and_comes_with_its_result() -> None:
    assert dict(side_by_side(lambda n: n * n, range(100), nothing)) == {n: n * n for n in range(100)}


def test_two_run_at_once() -> None:
    meeting = threading.Barrier(2, timeout=10)
    assert {thing for thing, _ in side_by_side(lambda _: meeting.wait(), range(4), nothing)} == {0, 1, 2, 3}
