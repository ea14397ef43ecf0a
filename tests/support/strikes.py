"""Random kills of a site's processes while it works, and the look at the world after each.

The seed is printed; ``STRONGROOM_SEED`` plays a run again.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.client import FINISHED, Site
from cli.exits import CommandError, Exit
from config.demo.journey import Brought, Journey
from config.supervisor.world import UNIT_A, World
from tests.support import figures
from tests.support.looking import Looker
from tests.support.worlds import bring_in_all, living_world, small_disks

VICTIMS = ("engine", "keys")
SWITCHED = "switched"
# In every run 50 kills; `make attack-long` asks for as many of each flow.
ASKED = int(os.environ.get("STRONGROOM_KILLS") or 0)
BACKUPS, ROTATIONS, RESTORES = (ASKED, ASKED, ASKED) if ASKED else (20, 15, 15)
TIMEOUT = 300 + 30 * ASKED  # seconds
QUICK = {"STRONGROOM_JOB_LEASE_SECONDS": "1.5", "STRONGROOM_JOB_HEARTBEAT_SECONDS": "0.3"}


class Striker:
    """Starts work, kills a process group at a random moment of it, waits for the end, looks at the world."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.seed = seed
        self.random = random.Random(seed)
        self.kills: Counter[str] = Counter()
        self.ends: Counter[str] = Counter()
        self._lookers: dict[str, Looker] = {}

    def strike(self, site: str, client: Site, start: Callable[[], Mapping[str, Any]], longest: float) -> str:
        """One piece of work with one kill in it. Returns how the work ended."""
        job = start()
        time.sleep(self.random.uniform(0, longest))
        victim = self.random.choice(VICTIMS)
        name = self.world.sites[site].process(victim)
        killed = self.world.supervisor.kill(name)
        assert killed is not None
        self.kills[victim] += 1
        end = self._wait(client, job)
        self.world.wait(site)
        self.ends[end] += 1
        return end

    def unharmed(self, client: Site, job: Mapping[str, Any]) -> str:
        """The same without a kill."""
        return self._wait(client, job)

    def _wait(self, client: Site, job: Mapping[str, Any]) -> str:
        """Done, failed in words, or switched (a restore takes the account with it)."""
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            try:
                row = client.get(f"jobs/{job['id']}")
            except CommandError as error:
                if error.exit_code is Exit.SIGN_IN:
                    return SWITCHED
                raise
            if row["state"] in FINISHED:
                return str(row["state"])
            time.sleep(0.1)
        raise AssertionError(f"seed {self.seed}: a {job['kind']} was never taken up again")

    def look(self, site: str) -> str:
        """What `check_world` finds in a process of the site's own; empty when every invariant holds."""
        if site not in self._lookers:
            spec = self.world.sites[site]
            environment = {**spec.environment(), "STRONGROOM_PROCESS": "worker"}
            self._lookers[site] = Looker({**spec.command_options(), "env": environment}, spec.python)
        found = self._lookers[site].look()
        return f"seed {self.seed}: {found}" if found else ""

    def close(self) -> None:
        for looker in self._lookers.values():
            looker.close()


@dataclass
class Struck:
    """A world under fire: a unit with three images, one of which was backed up."""

    world: World
    journey: Journey
    striker: Striker
    target: Path
    brought: list[Brought]


@contextmanager
def world_under_fire(disks: Path) -> Iterator[Struck]:
    seed = figures.seed()
    print(f"STRONGROOM_SEED={seed}")
    with living_world(extra=QUICK) as world:
        journey, target = Journey(world), world.root / "target"
        brought = bring_in_all(journey, small_disks(disks))
        journey.back_up(UNIT_A, target)
        striker = Striker(world, seed)
        try:
            yield Struck(world, journey, striker, target, brought)
        finally:
            striker.close()
