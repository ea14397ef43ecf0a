"""A world: one desk with its custody, a unit, and a blank replacement, all in one directory.

``make run`` has one in ``var/``, the demo and the flow tests have theirs in temporary directories. What has
been set up is noted in ``world.json`` step by step, so that a first start that was broken off goes on.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from config.site import make_private_directory
from config.supervisor.credentials import Credentials
from config.supervisor.sites import SiteSpec, hold_port
from config.supervisor.supervisor import Supervisor

UNIT_A, DESK, CUSTODY, UNIT_B = "unit-a", "desk", "custody", "unit-b"
PREFERRED_PORTS = {UNIT_A: 8441, DESK: 8442, UNIT_B: 8443}
FIRST_SERIAL = 1001
READY_SECONDS = 90.0  # a first start on a busy machine


class World:
    """Sites by name, the supervisor that runs them, and the accounts in them."""

    def __init__(
        self,
        root: Path,
        *,
        say: Callable[[str], None] = lambda _: None,
        ports: Mapping[str, int] | None = None,
        redis_url: str = "",
        database_urls: Mapping[str, str] | None = None,
        prefix: str = "",
        desk_address: str = "",
        units: Sequence[str] = (UNIT_A, UNIT_B),
        extra: Mapping[str, str] | None = None,
    ) -> None:
        make_private_directory(root)
        self.root = root
        self.say = say
        self.units = tuple(units)
        self._state_file = root / "world.json"
        self.state: dict[str, Any] = {"done": [], "facts": {}}
        if self._state_file.is_file():
            self.state = json.loads(self._state_file.read_text())
        self._held: list[socket.socket] = []  # its ports stay its own while web processes come and go
        self.ports = self._choose_ports(ports or {})
        self.credentials = Credentials(root / "credentials.json")
        self.supervisor = Supervisor(say)
        # Where units and custody find the desk; a relay may stand in front of it.
        self.desk_url = desk_url = desk_address or f"http://localhost:{self.ports[DESK]}"
        common: dict[str, Any] = {"redis_url": redis_url, "extra": dict(extra or {})}
        urls = database_urls or {}

        def spec(name: str, role: Any, **more: Any) -> SiteSpec:
            return SiteSpec(
                name=prefix + name,
                role=role,
                root=root / name,
                database_url=urls.get(name, ""),
                **(common | more),
            )

        self.sites: dict[str, SiteSpec] = {
            DESK: spec(DESK, "manufacturer", port=self.ports[DESK]),
            # Custody never shares a broker with anybody.
            CUSTODY: spec(CUSTODY, "custody", desk_url=desk_url, redis_url=""),
        } | {name: spec(name, "appliance", port=self.ports[name], desk_url=desk_url) for name in self.units}
        self._tell_addresses()

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _choose_ports(self, wanted: Mapping[str, int]) -> dict[str, int]:
        """Ports of the last start if they are free, else the preferred, else any."""
        chosen: dict[str, int] = {}
        for name in (DESK, *self.units):
            held = hold_port(self.state.get("ports", {}).get(name) or wanted.get(name, 0))
            if held.getsockname()[1] in chosen.values():
                held.close()
                held = hold_port()
            self._held.append(held)
            chosen[name] = held.getsockname()[1]
        return chosen

    def _tell_addresses(self) -> None:
        """A start may find other ports free than the one that noted the accounts."""
        for name, known in self.credentials.sites.items():
            if name in self.ports and known.url != self.url(name):
                self.credentials.put(name, self.url(name))

    # ---- what has been done ----

    def is_done(self, step: str) -> bool:
        return step in self.state["done"]

    def mark(self, step: str) -> None:
        self.state["done"].append(step)
        self.save()

    def fact(self, name: str) -> Any:
        return self.state["facts"][name]

    def keep(self, **facts: Any) -> None:
        """Remember what a later step needs: ids, names, never a secret."""
        self.state["facts"].update(facts)
        self.save()

    def save(self) -> None:
        self.state["ports"] = self.ports
        fresh = self._state_file.with_suffix(".new")
        fresh.write_text(json.dumps(self.state, indent=2))
        fresh.replace(self._state_file)

    # ---- running ----

    def migrate(self, names: Iterable[str] = ()) -> None:
        """Bring the named sites' databases to this release, all sites' where none is named."""
        wanted = list(names) or list(self.sites)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda name: self.sites[name].migrate(), wanted))

    def start(self, *names: str) -> None:
        """Start sites without waiting; web processes first, so that pages come soonest."""
        programs = [program for name in names for program in self.sites[name].programs()]
        self.supervisor.add(
            sorted(programs, key=lambda program: not program.name.endswith((".web", ".broker")))
        )

    def wait(self, *names: str, timeout: float = READY_SECONDS) -> None:
        self.supervisor.wait_ready([n for name in names for n in self.sites[name].names()], timeout)

    def wait_pages(self, *names: str, timeout: float = READY_SECONDS) -> None:
        self.supervisor.wait_ready([self.sites[name].process("web") for name in names], timeout)

    def stop_site(self, name: str) -> None:
        self.supervisor.remove(self.sites[name].names())

    def stop(self) -> None:
        self.supervisor.stop()
        for held in self._held:
            held.close()

    def url(self, name: str) -> str:
        return self.sites[name].url

    def serial(self, name: str) -> str:
        """The serial number of a unit."""
        return f"SR-{FIRST_SERIAL + self.units.index(name)}"

    def forget_site(self, name: str) -> None:
        """A site that is gone for good is neither started nor listed any more."""
        self.stop_site(name)
        self.state.setdefault("gone", []).append(name)
        self.save()

    def living(self) -> list[str]:
        return [name for name in self.sites if name not in self.state.get("gone", [])]

    def with_identities(self, name: str, identities: Mapping[str, Any]) -> None:
        """Run a site's processes under users of their own from the next start on."""
        self.sites[name] = replace(self.sites[name], identities=identities)


def wait_until(true: Callable[[], bool], what: str, timeout: float) -> None:
    """Poll until a condition holds. Raises `TimeoutError` that names it."""
    deadline = time.monotonic() + timeout
    pause = 0.05
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {timeout:.0f} s")
        time.sleep(pause)
        pause = min(0.5, pause * 1.3)
