"""The world of a file: on the embedded database and broker, unless the file makes one of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from config.supervisor.world import World
from tests.support.worlds import living_world


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with living_world() as world:
        yield world
