"""A target with a limit on its bandwidth: a token bucket that everybody who uses the row shares.

The bucket holds a second's worth, so a burst after a pause is short; what is taken above it is waited for.
Waiting happens between pieces: a job that is cancelled waits for one piece at most.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from appliance.backup.targets.base import ObjectStat, Target

LEAST: Final = 16 * 1024  # bytes a second; less is no backup
_SLICE: Final = 64 * 1024  # so that a slow limit flows, and does not come in bursts of a whole piece


class Bucket:
    """Tokens are bytes. `take` returns when they have been earned."""

    def __init__(
        self,
        rate: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._rate, self._clock, self._sleep = max(rate, LEAST), clock, sleep
        self._lock = threading.Lock()
        self._tokens = float(self._rate)
        self._at = clock()

    def set_rate(self, rate: int) -> None:
        with self._lock:
            self._rate = max(rate, LEAST)
            self._tokens = min(self._tokens, self._rate)

    def take(self, count: int) -> None:
        with self._lock:
            now = self._clock()
            self._tokens = min(self._tokens + (now - self._at) * self._rate, self._rate)
            self._at = now
            self._tokens -= count  # may go below zero: whoever comes next waits for it, too
            wait = -self._tokens / self._rate
        if wait > 0:
            self._sleep(wait)


_buckets: dict[str, Bucket] = {}
_lock = threading.Lock()


def bucket_of(key: str, rate: int) -> Bucket:
    """The one bucket of a target in this process, at the rate it has now."""
    with _lock:
        found = _buckets.setdefault(key, Bucket(rate))
    found.set_rate(rate)
    return found


class LimitedTarget(Target):
    """Another target, its content slowed down. Names, sizes and listings cost nothing."""

    kind = "limited"
    SETTINGS = {}

    def __init__(self, inner: Target, bucket: Bucket) -> None:
        self.inner, self._bucket = inner, bucket
        self.reads_back = inner.reads_back

    def put(self, name: str, pieces: Iterable[bytes], *, digest: str, size: int) -> bool:
        return self.inner.put(name, self._slowly(pieces), digest=digest, size=size)

    def get(self, name: str, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        yield from self._slowly(self.inner.get(name, offset=offset, length=length))

    def _slowly(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            for start in range(0, len(piece), _SLICE):
                self._bucket.take(min(_SLICE, len(piece) - start))
            yield piece

    def probe(self, *, write: bool) -> None:
        self.inner.probe(write=write)

    def list(self, prefix: str = "") -> Iterator[ObjectStat]:
        return self.inner.list(prefix)

    def is_empty(self) -> bool:
        return self.inner.is_empty()

    def stat(self, name: str) -> ObjectStat | None:
        return self.inner.stat(name)

    def delete(self, name: str) -> bool:
        return self.inner.delete(name)

    def sweep(self, *, older_than: float) -> int:
        return self.inner.sweep(older_than=older_than)

    def free_bytes(self) -> int | None:
        return self.inner.free_bytes()

    def close(self) -> None:
        self.inner.close()
