"""A clock that stands still until a test moves it."""

from __future__ import annotations

import datetime as dt

import pytest


class Clock:
    """What `timezone.now()` answers."""

    def __init__(self, now: str) -> None:
        self.at(now)

    def __call__(self) -> dt.datetime:
        return self.now

    def at(self, moment: str) -> dt.datetime:
        """Set it to a moment in UTC."""
        self.now = dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC)
        return self.now

    def passes(self, **amount: float) -> dt.datetime:
        self.now += dt.timedelta(**amount)
        return self.now


def frozen(monkeypatch: pytest.MonkeyPatch, now: str) -> Clock:
    """Everything that asks Django for the time gets this clock's."""
    clock = Clock(now)
    monkeypatch.setattr("django.utils.timezone.now", clock)
    return clock
