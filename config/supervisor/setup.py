"""The first start of a world: ceremony, people, factory, first key; and renewing accounts after a restore.

Each step is noted when done, so that a first start that was broken off goes on where it stopped. Steps use
the same commands and REST calls that a manufacturer and a customer use; nothing is written into a database
from here.
"""

from __future__ import annotations

import json
import secrets
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from cli.client import Site
from cli.exits import CommandError, Exit
from cli.uploads import upload_image
from config.disks import MIB, DiskError, all_files, make_disk
from config.site import make_private_directory
from config.supervisor.credentials import Account
from config.supervisor.world import CUSTODY, DESK, UNIT_A, UNIT_B, World

CUSTOMER, APPLIANCE = "Harbour Logistics", "harbour-cloud"
CONTACT_MAIL = "contact@harbour.example"
APPROVERS = ("ada", "grace")
CUSTODIAN = "cecilia"
MODEL = "SR-1"
SAMPLE_BYTES = 6 * MIB
PASSWORD_BYTES = 15  # 120 bits, 20 characters


def fresh_password() -> str:
    return secrets.token_urlsafe(PASSWORD_BYTES)


class FirstStart:
    """Sets a world up, step by step."""

    def __init__(self, world: World, *, sample: bool = False) -> None:
        self.world = world
        self.sample = sample
        self.folder = world.root / "ceremony"
        self.people = world.root / "people"

    def steps(self) -> Sequence[tuple[str, Callable[[], None]]]:
        sample = (("sample image", self.add_sample),) if self.sample else ()
        return (
            ("databases", self.make_databases),
            ("approver keys", self.make_approver_keys),
            ("ceremony", self.hold_ceremony),
            ("desk", self.furnish_desk),
            ("customer", self.add_customer),
            ("units", self.initialise_units),
            ("desk's address", lambda: point_units_at_desk(self.world)),
            ("first key", self.make_first_key),
            ("target", self.add_target),
            *sample,
        )

    def is_needed(self) -> bool:
        return not all(self.world.is_done(name) for name, _ in self.steps())

    def run(self, *, until: str = "") -> None:
        """Do what is not done yet, and leave every site running; `until` names a step to stop before."""
        started: set[str] = set()
        for name, work in self.steps():
            if name == until:
                return
            if name == "customer":
                # From here on everything goes through running sites.
                self._start(started, *self.world.sites)
            if not self.world.is_done(name):
                self.world.say(f"  {name} …")
                work()
                self.world.mark(name)
        self._start(started, *self.world.sites)
        self.world.wait(*self.world.sites)

    def _start(self, started: set[str], *names: str) -> None:
        fresh = [name for name in names if name not in started]
        started.update(fresh)
        self.world.start(*fresh)

    # ---- steps ----

    def make_databases(self) -> None:
        self.world.migrate()

    def make_approver_keys(self) -> None:
        from cli.approvals import new_key_file

        make_private_directory(self.people)
        for name in (*APPROVERS, CUSTODIAN):
            passphrase = fresh_password()
            private_file(self.people / f"{name}.pass", passphrase)
            new_key_file(self.people / f"{name}.key", name, passphrase)

    def hold_ceremony(self) -> None:
        roles = {**dict.fromkeys(APPROVERS, "approver"), CUSTODIAN: "custodian"}
        people = [f"--person={name}:{role}:{self.people / f'{name}.pub'}" for name, role in roles.items()]
        self.world.sites[CUSTODY].manage(
            "ceremony",
            str(self.folder),
            f"--custody-site={self.world.sites[CUSTODY].root}",
            f"--desk-site={self.world.sites[DESK].root}",
            f"--passphrases={self.folder / 'passphrases'}",
            *people,
            "--non-interactive",
        )

    def furnish_desk(self) -> None:
        desk = self.world.sites[DESK]
        desk.manage("import_ceremony", str(self.folder / "public.json"))
        roles = {"clara": ["clerk"], **{name: ["approver"] for name in APPROVERS}, CUSTODIAN: ["custodian"]}
        self.world.credentials.put(DESK, desk.url, self.add_people(DESK, roles))

    def add_customer(self) -> None:
        self.world.wait_pages(DESK)
        with self.site(DESK, "clerk") as desk:
            customer = desk.post("customers", {"name": CUSTOMER, "contact_email": CONTACT_MAIL})
            appliance = desk.post("appliances", {"customer": customer["id"], "name": APPLIANCE})
        self.world.keep(customer=customer["id"], appliance=appliance["id"])
        contact = self.add_people(DESK, {"carl": ["contact"]}, customer=customer["id"], email=CONTACT_MAIL)
        known = self.world.credentials.sites[DESK].accounts
        self.world.credentials.put(DESK, self.world.url(DESK), [*known, *contact])

    def initialise_units(self) -> None:
        """Each unit once: one that has accounts was finished before a first start was broken off."""
        units = [name for name in self.world.units if name not in self.world.credentials.sites]
        self.world.supervisor.wait_ready([self.world.sites[name].process("keys") for name in units], 60)
        with ThreadPoolExecutor(2) as pool:
            made = list(pool.map(self.initialise_unit, units))
        for name, accounts in zip(units, made, strict=True):
            self.world.credentials.put(name, self.world.url(name), accounts)

    def initialise_unit(self, name: str) -> list[Account]:
        """The factory's part for one unit; the first is also sold to the customer, others stay in stock."""
        unit = self.world.sites[name]
        serial = self.world.serial(name)
        made, request = unit.site.run / "request.json", self.folder / f"{serial}.request.json"
        place = ["--site", str(unit.root)]
        unit.manage("factory_init", *place, "--serial", serial, "--model", MODEL, "--request", str(made))
        private_file(request, made.read_text())
        signed = self.world.sites[CUSTODY].manage(
            "sign_device",
            str(request),
            f"--folder={self.folder}",
            f"--passphrase-file={self.folder / 'passphrases' / 'device-authority.pass'}",
        )
        with self.site(DESK, "clerk") as desk:
            row = desk.post("units", {"bundle": json.loads(signed), "model": MODEL})
            finish = [*place, "--bundle", str(unit.hand_over("bundle.json", signed))]
            if name == UNIT_A:
                owner = {"customer": self.world.fact("customer"), "appliance": self.world.fact("appliance")}
                desk.post(f"units/{row['id']}/assign", owner)
                enrolment = desk.get(f"enrolments/{row['certificate_thumbprint']}")["enrolment"]
                finish += ["--enrolment", str(unit.hand_over("enrolment.jws", enrolment))]
        unit.manage("factory_init", *finish)
        people = {"alice": ["admin"]} if name == UNIT_A else {"rescue": ["recovery-operator"]}
        return self.add_people(name, people)

    def make_first_key(self) -> None:
        """Generated inside the unit, its value lodged at the desk, drilled by custody, then active."""
        self.world.wait(UNIT_A, DESK, CUSTODY)
        with self.site(UNIT_A, "admin") as unit:
            unit.wait(unit.post("keys/rotate", {"reason": "first installation"}), timeout=120)

    def add_target(self) -> None:
        target = self.world.root / "target"
        make_private_directory(target)
        with self.site(UNIT_A, "admin") as unit:
            row = unit.post(
                "backup-targets",
                {"name": "shelf", "kind": "directory", "settings": {"path": str(target)}},
            )
        self.world.keep(target=row["id"])

    def add_sample(self) -> None:
        """One small disk image, so that there is something to see and to back up."""
        with tempfile.TemporaryDirectory() as folder:
            image = Path(folder) / "sample.img"
            try:
                make_disk(image, all_files(), SAMPLE_BYTES)
            except DiskError as error:
                # Without e2fsprogs there is no sample; everything else works.
                self.world.say(f"  no sample image: {error}")
                return
            with self.site(UNIT_A, "admin") as unit:
                upload_image(unit, image, name="sample")

    # ---- helpers ----

    def add_people(
        self, site: str, people: dict[str, list[str]], *, customer: str = "", email: str = ""
    ) -> list[Account]:
        """Accounts with fresh passwords and a token each."""
        wanted = [
            {
                "username": user,
                "password": fresh_password(),
                "roles": roles,
                "email": email,
                "customer_id": customer or None,
                "token": "first start",
            }
            for user, roles in people.items()
        ]
        made: list[dict[str, Any]] = json.loads(
            self.world.sites[site].manage("add_people", text=json.dumps(wanted)).splitlines()[-1]
        )
        return [
            Account(row["username"], row["password"], row["token"], ",".join(row["roles"])) for row in made
        ]

    def site(self, name: str, role: str) -> Site:
        return site_as(self.world, name, role)


def site_as(world: World, name: str, role: str, **options: Any) -> Site:
    """A REST client for a site under the account that has the role."""
    return Site(world.url(name), world.credentials.account(name, role).token, **options)


def point_units_at_desk(world: World) -> None:
    """Tell each unit where the desk is, if it does not know yet: ports may change between starts."""
    for name in world.units:
        if name not in world.living():
            continue
        world.wait_pages(name)
        with Site(world.url(name), world.credentials.sites[name].accounts[0].token) as unit:
            if unit.get("settings")["desk_url"] != world.desk_url:
                unit.put("settings", {"desk_url": world.desk_url})


def private_file(path: Path, text: str) -> None:
    """Write a 0600 file."""
    make_private_directory(path.parent)
    path.touch(0o600)
    path.write_text(text)


def renew_after_restore(world: World, unit: str = UNIT_B, lost: str = UNIT_A) -> bool:
    """After the switch on a replacement its accounts are those of the lost unit, and no token is left.

    Passwords came back with the accounts, so those noted for the lost unit hold; tokens are made anew. True
    if anything was renewed.
    """
    if not world.is_done("units") or not is_signed_out(world, unit):
        return False
    known = {account.user: account.password for account in world.credentials.sites[lost].accounts}
    answer = world.sites[unit].manage("issue_tokens", *known, "--name", "after the restore")
    made: list[dict[str, Any]] = json.loads(answer.splitlines()[-1])
    if not made:
        return False
    accounts = [
        Account(row["username"], known[row["username"]], row["token"], ",".join(row["roles"])) for row in made
    ]
    world.credentials.put(unit, world.url(unit), accounts)
    return True


def is_signed_out(world: World, name: str) -> bool:
    """Whether the site answers, and knows the noted token no more."""
    token = world.credentials.sites[name].accounts[0].token
    try:
        with Site(world.url(name), token, timeout=5) as site:
            site.get("me")
    except CommandError as error:
        return error.exit_code is Exit.SIGN_IN
    return False
