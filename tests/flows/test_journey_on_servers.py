"""The whole journey once more, with rows in PostgreSQL and messages through Redis."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from config.supervisor.world import World
from tests.flows.test_journey import *  # noqa: F403  (the same steps on another world)
from tests.support.worlds import world_on_servers

pytestmark = [pytest.mark.postgres, pytest.mark.redis, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def world(servers: dict[str, str]) -> Iterator[World]:
    with world_on_servers(servers) as world:
        yield world
