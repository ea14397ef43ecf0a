"""A unit in service with a target, and a clock that stands still: Tuesday, 1 June 2027, 12:00 UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.clock import Clock, frozen

if TYPE_CHECKING:
    # Django's apps are not loaded yet when this is imported.
    from appliance.backup.models import BackupTarget
    from appliance.unit.models import Unit


@pytest.fixture(autouse=True)
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.broker.send", lambda _: False)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return frozen(monkeypatch, "2027-06-01T12:00")


@pytest.fixture
def unit(db: None, clock: Clock) -> Unit:
    from tests.support.small_unit import make_key, make_unit

    made = make_unit()
    make_key()
    return made


@pytest.fixture
def target(unit: Unit) -> BackupTarget:
    from tests.support.small_unit import make_target

    return make_target()
