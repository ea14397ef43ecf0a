"""One world and one browser for all tests that click, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from config.supervisor.world import World
from tests.support.browsing import Visitor, chromium
from tests.support.worlds import living_world

Visit = Callable[..., Visitor]


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    with living_world() as world:
        yield world


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def visit(world: World, browser: Browser) -> Iterator[Visit]:
    """Open a browser for a person; at the end nobody's console may have complained."""
    visitors: list[Visitor] = []

    def come(site: str, role: str, user: str = "", *, known_at: str = "") -> Visitor:
        accounts = world.credentials.sites[known_at or site].accounts
        account = next(one for one in accounts if role in one.role and user in ("", one.user))
        visitors.append(Visitor(browser, world.url(site), account.user, account.password))
        return visitors[-1]

    yield come
    assert [complaint for visitor in visitors for complaint in visitor.complaints] == []
