"""The steps of the journey, by REST and nothing else: used by the demo and by the flow tests.

Each method is one thing that one person does at one site, under an account of that role. Methods wait for
what they start and raise `CommandError` when a site refuses.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli import approvals, uploads
from cli.client import Site
from cli.exits import CommandError, Exit
from config.supervisor.setup import APPROVERS, site_as
from config.supervisor.world import CUSTODY, DESK, UNIT_A, UNIT_B, World, wait_until

CODE = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){2}\b")
COMPARE_BYTES = 4 << 20
Seen = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Brought:
    """A disk image that was sent in: where it lies on this machine, and what the unit calls it."""

    path: Path
    id: str
    name: str
    sha256: str
    size: int


def nothing(_: object) -> None:
    """Nobody watches."""


class Journey:
    """One world's journey. ``hooks`` go into every REST client; ``seen`` gets job rows as they change."""

    def __init__(
        self,
        world: World,
        *,
        hooks: Mapping[str, list[Callable[..., Any]]] | None = None,
        seen: Seen = nothing,
    ) -> None:
        self.world = world
        self.hooks = hooks
        self.seen = seen

    @contextmanager
    def at(self, site: str, role: str) -> Iterator[Site]:
        """A REST client at a site under the account with the role."""
        with site_as(self.world, site, role, hooks=self.hooks) as client:
            yield client

    def done(self, client: Site, job: Mapping[str, Any], timeout: float = 600) -> Any:
        return client.wait(job, timeout=timeout, seen=self.seen)

    # ---- on a unit ----

    def bring_in(
        self, site: str, path: Path, name: str, *, sent: Callable[[int, int], None] | None = None
    ) -> Brought:
        """Upload a disk image and wait until it is sealed in the store."""
        with self.at(site, "admin") as unit:
            made = uploads.upload_image(unit, path, name=name, seen=sent or (lambda _done, _total: None))
            wait_until(lambda: self._is_ready(unit, made["id"]), f"{name} sealed", 600)
            row = unit.get(f"virtual-images/{made['id']}")
        return Brought(path, row["id"], row["name"], row["sha256"], row["size"])

    @staticmethod
    def _is_ready(unit: Site, image: str) -> bool:
        row = unit.get(f"virtual-images/{image}")
        if row["state"] == "failed":
            raise RuntimeError(f"{row['name']} could not be sealed: {row.get('problem')}")
        return bool(row["state"] == "ready")

    def target(self, unit: Site, path: Path) -> str:
        """The target at the path, added and connected if it is not there yet."""
        rows = [row for row in unit.each("backup-targets") if row["settings"]["path"] == str(path)]
        body = {"name": path.name, "kind": "directory", "settings": {"path": str(path)}}
        row = rows[0] if rows else unit.post("backup-targets", body)
        # Adding starts that job too; asking again gives the one that runs.
        self.done(unit, unit.post(f"backup-targets/{row['id']}/connect"))
        return str(row["id"])

    def back_up(self, site: str, target: Path) -> dict[str, Any]:
        """Make a backup image and verify every chunk of it; returns its row."""
        with self.at(site, "admin") as unit:
            job = self.done(unit, unit.post("backup-images", {"target": self.target(unit, target)}))
            image = job["result"]["image"]
            self.done(unit, unit.post(f"backup-images/{image}/verify", {"depth": "full"}))
            row: dict[str, Any] = unit.get(f"backup-images/{image}")
        return row

    def active_epoch(self, site: str) -> dict[str, Any]:
        with self.at(site, "admin") as unit:
            return next(row for row in unit.each("keys") if row["state"] == "active")

    def rotate(self, site: str, reason: str) -> dict[str, Any]:
        """A new key: generated, its value lodged and drilled, then active. Returns the epoch."""
        with self.at(site, "admin") as unit:
            self.done(unit, unit.post("keys/rotate", {"reason": reason}))
        return self.active_epoch(site)

    # ---- the ticket ----

    def request_transfer(self, site: str) -> None:
        """The blank unit signs a transfer request and sends it to the desk, where it waits."""
        with self.at(site, "recovery-operator") as unit:
            self.done(unit, unit.post("transfers/request"))

    def open_ticket(self, text: str, *, ended: str = "failed") -> str:
        """The contact hands in values or a header; returns the ticket's id."""
        with self.at(DESK, "contact") as desk:
            return str(
                desk.post("tickets", {"text": text, "reason": "the unit is dead", "ended": ended})["id"]
            )

    def reserve(self, ticket: str, unit: str = UNIT_B) -> None:
        """The clerk accepts the ticket and joins the waiting unit's request to it."""
        with self.at(DESK, "clerk") as desk:
            desk.post(f"tickets/{ticket}/accept")
            desk.post(f"tickets/{ticket}/request", {"serial": self.world.serial(unit)})

    def approve(self, ticket: str) -> None:
        """Two people sign the exact document, each on their own side with their own key."""
        for name in APPROVERS:
            self.approve_as(name, ticket)

    def approve_as(self, name: str, ticket: str) -> Any:
        people = self.world.root / "people"
        token = next(a.token for a in self.world.credentials.sites[DESK].accounts if a.user == name)
        with Site(self.world.url(DESK), token, hooks=self.hooks) as desk:
            passphrase = (people / f"{name}.pass").read_text()
            return approvals.approve(desk, ticket, key_file=people / f"{name}.key", passphrase=passphrase)

    def ticket(self, ticket: str) -> dict[str, Any]:
        with self.at(DESK, "clerk") as desk:
            row: dict[str, Any] = desk.get(f"tickets/{ticket}")
        return row

    def wait_ticket(self, ticket: str, state: str, timeout: float = 60) -> dict[str, Any]:
        """Wait until the ticket is in the state; custody and units move it too."""
        wait_until(lambda: self.ticket(ticket)["state"] == state, f"ticket {state}", timeout)
        return self.ticket(ticket)

    def ship(self, ticket: str) -> str:
        """The clerk ships, the contact confirms the receipt; returns the code that was mailed."""
        known = self._mails()
        with self.at(DESK, "clerk") as desk:
            desk.post(f"tickets/{ticket}/shipment", {"carrier": "courier", "tracking": "T-1"})
        with self.at(DESK, "contact") as desk:
            desk.post(f"tickets/{ticket}/receipt")
        return self.mailed_code(known)

    def _mails(self) -> set[Path]:
        return set(self.world.sites[DESK].site.mail.glob("*"))

    def mailed_code(self, known: set[Path]) -> str:
        """The release code in the newest mail that was not there before."""
        wait_until(lambda: bool(self._codes(known)), "the mailed code", 30)
        return self._codes(known)[-1]

    def _codes(self, known: set[Path]) -> list[str]:
        fresh = sorted(self._mails() - known, key=lambda path: path.stat().st_mtime)
        return [code for path in fresh for code in CODE.findall(path.read_text(errors="replace"))]

    def close(self, ticket: str) -> dict[str, Any]:
        with self.at(DESK, "clerk") as desk:
            row: dict[str, Any] = desk.post(f"tickets/{ticket}/close")
        return row

    # ---- the replacement ----

    def collect(self, site: str, code: str) -> None:
        """The replacement fetches its transfer with the code and installs the keys."""
        with self.at(site, "recovery-operator") as unit:
            self.done(unit, unit.post("transfers/collect", {"code": code}))

    def newest_image(self, site: str, target: Path) -> dict[str, Any]:
        """Connect the target on the replacement; the newest image found there, from its signed header."""
        with self.at(site, "recovery-operator") as unit:
            self.target(unit, target)
            row: dict[str, Any] = max(unit.each("backup-images"), key=lambda row: str(row["made_at"]))
        return row

    def preview(self, site: str, image: str) -> Any:
        with self.at(site, "recovery-operator") as unit:
            return self.done(unit, unit.post(f"backup-images/{image}/preview"))["result"]

    def restore(self, site: str, image: str) -> None:
        """Restore; ends with the switch, after which the lost unit's accounts hold here."""
        with self.at(site, "recovery-operator") as unit:
            job = unit.post(f"backup-images/{image}/restore")
            try:
                self.done(unit, job)
            except CommandError as error:
                # The operator's account went with the old database: that is the switch.
                if error.exit_code is not Exit.SIGN_IN:
                    raise

    def compare(self, site: str, brought: Brought) -> bool:
        """Stream the image out of the site's store and compare it with the original, byte for byte.

        The engine's command writes to a pipe: nothing of it lies on disk.
        """
        spec = self.world.sites[site]
        command = [spec.python, "manage.py", "read_image", brought.id]
        with (
            brought.path.open("rb") as original,
            subprocess.Popen(  # noqa: S603  (a command of this package)
                command,
                **spec.command_options(),
                stdout=subprocess.PIPE,
                stdin=subprocess.DEVNULL,
            ) as reading,
        ):
            assert reading.stdout is not None
            while True:
                ours = reading.stdout.read(COMPARE_BYTES)
                if ours != original.read(COMPARE_BYTES):
                    reading.kill()
                    return False
                if not ours:
                    break
        return reading.returncode == 0

    # ---- looking for keys ----

    def scan(self, site: str, *paths: Path) -> dict[str, Any]:
        """Hits of the site's own secrets in files, counted by the key process or by custody itself.

        Members: canary_hits, by_kind, files, bytes, skipped.
        """
        command = "custody_scan" if site == CUSTODY else "scan_keys"
        answer = self.world.sites[site].manage(command, *(str(path) for path in paths), timeout=900)
        found: dict[str, Any] = json.loads(answer.splitlines()[-1])
        return found


def newest_header(target: Path) -> str:
    """The text of the newest image's signed header on a target, read as anyone can who holds the disk."""
    headers = sorted(target.glob("chains/*/*/header.jws"), key=lambda path: path.stat().st_mtime_ns)
    return headers[-1].read_text()


def all_headers(target: Path) -> str:
    """Every header on a target, one a line: one ticket then recovers every epoch."""
    headers = sorted(target.glob("chains/*/*/header.jws"))
    return "\n".join(path.read_text().strip() for path in headers)


__all__ = ["CUSTODY", "DESK", "UNIT_A", "UNIT_B", "Brought", "Journey", "all_headers", "newest_header"]
