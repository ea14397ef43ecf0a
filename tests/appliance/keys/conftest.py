"""Key processes and a manufacturer for the tests of this room."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.appliance.keys.maker import Maker
from tests.appliance.keys.running import RunningKeys


@pytest.fixture(scope="session")
def _shared_maker() -> Maker:
    return Maker()


@pytest.fixture
def maker(_shared_maker: Maker) -> Maker:
    """A manufacturer whose first authority list is in force."""
    _shared_maker.use_list(_shared_maker.make_authorities())
    return _shared_maker


@pytest.fixture
def new_site(tmp_path: Path) -> Iterator[Callable[[str], RunningKeys]]:
    """Makes key processes, not started; all are killed at the end."""
    made: list[RunningKeys] = []

    def make(name: str) -> RunningKeys:
        made.append(RunningKeys(tmp_path / name))
        return made[-1]

    yield make
    for running in made:
        running.kill()


@pytest.fixture
def running(new_site: Callable[[str], RunningKeys]) -> RunningKeys:
    """A key process without an identity."""
    return new_site("unit").start()


@pytest.fixture
def installed(running: RunningKeys, maker: Maker) -> RunningKeys:
    """The key process of a unit that belongs to a customer and has no key yet."""
    running.install(maker)
    return running
