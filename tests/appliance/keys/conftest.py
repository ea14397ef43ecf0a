"""Key processes and a manufacturer for the tests of this room."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from audit.actor import Actor
from tests.appliance.keys.desk import TestDesk
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


@pytest.fixture(scope="session")
def standing(tmp_path_factory: pytest.TempPathFactory, _shared_maker: Maker) -> Iterator[RunningKeys]:
    """An installed unit with an active key, started once: for tests of refusals that change nothing."""
    unit = RunningKeys(tmp_path_factory.mktemp("standing"))
    _shared_maker.use_list(_shared_maker.make_authorities())
    try:
        unit.start().install(_shared_maker)
        unit.make_active(_shared_maker)
        unit.keys.id_key("default")
        yield unit
    finally:
        unit.kill()


@pytest.fixture
def desk(maker: Maker) -> Iterator[TestDesk]:
    """A desk that answers as it should."""
    made = TestDesk(maker)
    yield made
    made.close()


@pytest.fixture
def site_keys(maker: Maker, monkeypatch: pytest.MonkeyPatch, running: RunningKeys) -> RunningKeys:
    """The running key process as this site's own, initialised; rows follow (needs the database)."""
    from appliance.keys.engine.sync import sync  # models: only once Django is set up

    running.initialise(maker)
    monkeypatch.setattr("appliance.keys.engine.sync.key_process", lambda: running.keys)
    monkeypatch.setattr("appliance.keys.tasks.key_process", lambda: running.keys)
    sync(actor=Actor.system("test"), keys=running.keys)
    return running


@pytest.fixture
def in_service(site_keys: RunningKeys, maker: Maker, desk: TestDesk) -> RunningKeys:
    """As `site_keys`, enrolled, in service, and knowing its desk."""
    from appliance.keys.engine.sync import sync
    from appliance.unit.actions import move_unit, set_desk
    from appliance.unit.models import Unit

    site_keys.keys.enrol(maker.enrol(site_keys.keys.status()))
    sync(actor=Actor.system("test"), keys=site_keys.keys)
    move_unit(actor=Actor.system("test"), to=Unit.State.IN_SERVICE)
    set_desk(actor=Actor.system("test"), url=desk.url)
    return site_keys
