"""``make run``: three sites in ``var/``, kept alive until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from pathlib import Path

from rich.console import Console

from config.site import BASE_DIR
from config.supervisor.processes import Phase
from config.supervisor.report import print_accounts, print_journey
from config.supervisor.setup import FirstStart, point_units_at_desk, renew_after_restore
from config.supervisor.supervisor import NotReadyError
from config.supervisor.terminal import Mailbox, listen
from config.supervisor.world import DESK, PREFERRED_PORTS, World

WATCH_SECONDS = 2.0


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Start a unit, the desk with its custody, and a blank replacement."
    )
    parser.add_argument("--directory", type=Path, default=BASE_DIR / "var")
    parser.add_argument("--exit-when-ready", action="store_true", help="stop again as soon as all is ready")
    options = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())

    started = time.monotonic()
    with World(
        options.directory,
        say=lambda text: console.print(text, markup=False),
        ports=PREFERRED_PORTS,
        redis_url=os.environ.get("REDIS_URL", ""),
    ) as world:
        try:
            first = FirstStart(world, sample=True)
            if first.is_needed():
                console.print("First start: setting up the desk and two units (about a minute).")
                first.run()
            else:
                world.migrate(world.living())
                world.start(*world.living())
                world.wait_pages(*(name for name in world.living() if name in PREFERRED_PORTS))
                console.print(f"pages answer after {time.monotonic() - started:.1f} s")
                world.wait(*world.living())
                point_units_at_desk(world)
        except NotReadyError as error:
            console.print(str(error), markup=False)
            return 1
        console.print(f"all processes ready after {time.monotonic() - started:.1f} s\n")
        print_accounts(console, world)
        can_lose = sys.stdin.isatty()
        print_journey(console, world, can_lose=can_lose)
        if not options.exit_when_ready:
            if can_lose:
                listen(world, world.say)
            watch(world, stopping)
            console.print("stopping …")
    return 0


def watch(world: World, stopping: threading.Event) -> None:
    """Until told to stop: show the desk's mail, and renew accounts that a restore made invalid."""
    mail = Mailbox(world.sites[DESK].site.mail)
    while not stopping.wait(WATCH_SECONDS):
        for text in mail.new():
            world.say(text)
        if all(phase is Phase.READY for phase in world.supervisor.phases().values()):
            renew_after_restore(world)


if __name__ == "__main__":
    sys.exit(main())
