"""The limit: a token bucket, checked with a clock of its own."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from appliance.backup.targets import Target
from appliance.backup.targets.directory import DirectoryTarget
from appliance.backup.targets.limited import LEAST, Bucket, LimitedTarget, bucket_of
from tests.appliance.backup.targets.conformance import TargetConformance, digest_of, put


class Clock:
    def __init__(self) -> None:
        self.now = 0.0
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return LimitedTarget(DirectoryTarget(tmp_path), Bucket(1 << 40))


class TestLimited(TargetConformance):
    def plant(self, target: Target, name: str, data: bytes) -> None:
        assert isinstance(target, LimitedTarget)
        assert isinstance(target.inner, DirectoryTarget)
        path = target.inner.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


@pytest.mark.parametrize("rate", [100_000, 1_000_000, 20_000_000])
def test_content_takes_as_long_as_the_limit_says_both_ways(tmp_path: Path, rate: int) -> None:
    clock = Clock()
    target = LimitedTarget(DirectoryTarget(tmp_path), Bucket(rate, clock=clock, sleep=clock.sleep))
    size = rate * 5
    name, data = "packs/aa/one.pack", bytes(size)
    target.put(name, [data[i : i + 65536] for i in range(0, size, 65536)], digest=digest_of(data), size=size)
    assert 3.9 < clock.now < 4.1, "the first second's worth is free"
    assert b"".join(target.get(name)) == data
    assert 8.9 < clock.now < 9.1


def test_threads_share_one_limit() -> None:
    clock = Clock()
    bucket = Bucket(1_000_000, clock=clock, sleep=clock.sleep)

    def work() -> None:
        for _ in range(100):
            bucket.take(10_000)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.now >= 2.9


def test_one_target_has_one_bucket_and_takes_a_new_limit_at_once() -> None:
    assert bucket_of("t", 1 << 20) is bucket_of("t", 1 << 21)
    assert bucket_of("t", 1) is not bucket_of("u", 1)


def test_no_limit_is_so_low_that_nothing_moves() -> None:
    clock = Clock()
    bucket = Bucket(1, clock=clock, sleep=clock.sleep)
    bucket.take(LEAST * 3)
    assert clock.now == pytest.approx(2)


def test_nothing_is_waited_for_where_the_object_is_there_already(tmp_path: Path) -> None:
    clock = Clock()
    target = LimitedTarget(DirectoryTarget(tmp_path), Bucket(LEAST, clock=clock, sleep=clock.sleep))
    name = f"packs/aa/{digest_of(b'same')}.pack"
    put(target.inner, name, b"same")
    assert put(target, name, b"same") is False
    assert clock.now == 0
