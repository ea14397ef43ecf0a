"""``make pictures``: the pictures in docs/pictures, taken in Chromium from a living world."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import ViewportSize

from config.demo.journey import DESK, UNIT_A, Journey, newest_header
from config.site import BASE_DIR
from tests.support.browsing import Visitor, chromium
from tests.support.worlds import bring_in_all, living_world, small_disks

FOLDER = BASE_DIR / "docs" / "pictures"
WINDOW: ViewportSize = {"width": 1280, "height": 860}


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with living_world() as world, chromium() as browser, tempfile.TemporaryDirectory() as disks:
        journey, target = Journey(world), world.root / "target"
        bring_in_all(journey, small_disks(Path(disks)))
        journey.back_up(UNIT_A, target)
        for site, role, address, name in (
            (UNIT_A, "admin", "/survival/", "survival.png"),
            (DESK, "clerk", None, "ticket.png"),
        ):
            ticket = f"/tickets/{journey.open_ticket(newest_header(target))}/" if address is None else address
            account = world.credentials.account(site, role)
            visitor = Visitor(browser, world.url(site), account.user, account.password)
            visitor.page.set_viewport_size(WINDOW)
            visitor.go(ticket)
            visitor.page.wait_for_load_state("load")
            visitor.page.screenshot(path=FOLDER / name)
            print(FOLDER / name)


if __name__ == "__main__":
    main()
