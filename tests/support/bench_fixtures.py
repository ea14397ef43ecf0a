"""Fixtures around `tests.support.bench`."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

# Django's apps are not loaded yet when a conftest imports this: rooms are imported within the fixtures.
from tests.appliance.keys.desk import TestDesk
from tests.appliance.keys.maker import Maker

if TYPE_CHECKING:
    from tests.support.bench import Bench

_makers: list[Maker] = []
_first_lists: list[str] = []  # what the units of this run were made with


@pytest.fixture
def maker() -> Maker:
    """A manufacturer whose first authority list is in force; one for the whole run."""
    if not _makers:
        _makers.append(Maker())
        _first_lists.append(_makers[0].authorities)
    _makers[0].use_list(_first_lists[0])
    return _makers[0]


@pytest.fixture
def bench(transactional_db: Any, maker: Maker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """An empty bench. No broker stands beside it: the tests run jobs by hand, as a sweeper would."""
    import appliance.backup.tasks
    import appliance.recovery.tasks  # noqa: F401  # registers the handlers, as a worker does
    from tests.support.bench import Bench

    monkeypatch.setattr("jobs.broker.send", lambda _: False)
    stand = Bench(maker)
    try:
        yield stand
    finally:
        stand.clear_away()


@pytest.fixture
def unit_on_bench(bench: Bench) -> Bench:
    """A unit in service, with two small virtual images and a person."""
    bench.put_furnished_unit()
    return bench


@pytest.fixture
def small_disk(bench: Bench) -> Iterator[Path]:
    """A real 3 MB file system at the place of the target "small": its limits are the kernel's."""
    place = bench.targets / "small"
    place.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m,mode=0700", "strongroom-test", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture
def desk(maker: Maker) -> Iterator[TestDesk]:
    """A desk over HTTP that answers with the maker's documents."""
    made = TestDesk(maker)
    try:
        yield made
    finally:
        made.close()
