"""The pages of both sides as somebody meets them who cannot see them well, or uses no mouse."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from config.supervisor.world import DESK, UNIT_A, UNIT_B, World
from tests.support.accessibility import AXE, Inspector
from tests.support.browsing import Visitor

pytestmark = [
    pytest.mark.browser,
    pytest.mark.flow,
    pytest.mark.timeout(400),
]

Visit = Callable[..., Visitor]


def at_the_units(world: World) -> list[tuple[str, str, str]]:
    """Site, role, and where the account is from: before the loss, or on the replacement after it."""
    if (world.root / UNIT_A).is_dir():
        return [(UNIT_A, "admin", UNIT_A), (UNIT_B, "recovery-operator", UNIT_B)]
    return [(UNIT_B, "admin", UNIT_A)]


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core of package.json is not installed: npm ci")
def test_no_page_breaks_a_rule_of_wcag_in_either_theme(world: World, visit: Visit) -> None:
    """Usually after the journey, which the file before this one plays in the same world: full pages."""
    inspector = Inspector()
    people = [visit(DESK, role) for role in ("clerk", "contact", "custodian")]
    people += [visit(site, role, known_at=known_at) for site, role, known_at in at_the_units(world)]
    faults = [fault for person in people for fault in inspector.faults(person)]
    assert faults == []
    assert len(inspector.seen) > len(people) * 5
