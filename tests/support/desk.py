"""The desk driven through its actions, with custody's part played by the key holder of `Maker`."""

from __future__ import annotations

import re
import uuid
from typing import Any

from django.core import mail

from accounts.actions import create_user
from accounts.models import User
from audit.actor import Actor
from manufacturer.escrow.actions.answer_request import answer_request
from manufacturer.escrow.actions.ask_drill import ask_drill
from manufacturer.escrow.actions.lodge_head import lodge_head
from manufacturer.escrow.actions.lodge_value import lodge_value
from manufacturer.escrow.models import CustodyRequest
from manufacturer.registry.actions.add_appliance import add_appliance
from manufacturer.registry.actions.add_customer import add_customer
from manufacturer.registry.actions.assign_unit import assign_unit
from manufacturer.registry.actions.enrol_unit import enrol_unit
from manufacturer.registry.actions.import_trust import import_trust
from manufacturer.registry.actions.take_transfer_request import take_transfer_request
from manufacturer.registry.models import Unit as UnitRow
from manufacturer.rma.actions.accept_ticket import accept_ticket
from manufacturer.rma.actions.add_approval import add_approval
from manufacturer.rma.actions.confirm_receipt import confirm_receipt
from manufacturer.rma.actions.open_ticket import open_ticket
from manufacturer.rma.actions.reserve_replacement import reserve_replacement
from manufacturer.rma.actions.ship_ticket import ship_ticket
from manufacturer.rma.actions.take_installation import take_installation
from manufacturer.rma.actions.take_report import take_report
from manufacturer.rma.models import Attempt, Ticket
from manufacturer.rma.tasks import send_release_code
from sealing.backupkey import BackupKey
from tests.support.maker import Maker, Owner, Unit

CODE = re.compile(r"[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){2}")
SYSTEM = Actor.command("test")


class Context:
    """As much of a job's context as a handler of mail looks at."""

    def __init__(self, **params: Any) -> None:
        self.params = params


class Site:
    """A customer with an appliance on a unit that lodged a value and a head."""

    def __init__(self, desk: Desk, name: str) -> None:
        self.desk, self.name = desk, name
        self.customer = add_customer(actor=SYSTEM, name=name, contact_email=f"ops@{name}.example")
        self.appliance = add_appliance(actor=SYSTEM, customer=self.customer, name=f"{name} cloud")
        self.owner = Owner(name, str(self.customer.pk), str(self.appliance.pk))
        self.contact = desk.person(f"{name}-ada", "contact", customer_id=self.customer.pk)
        self.unit, self.row = desk.unit(f"{name}-1")
        assign_unit(actor=SYSTEM, unit=self.row, appliance=self.appliance)
        self.key = BackupKey.generate(1)
        self.value = self.unit.value(self.owner, self.key)
        self.lodged = lodge_value(document=self.value)
        self.target = str(uuid.uuid4())
        lodge_head(document=self.unit.head(self.owner, self.target, 3))
        self.row.refresh_from_db()

    def open(self, text: str | None = None, **given: Any) -> Ticket:
        user = given.pop("user", self.contact)
        return open_ticket(actor=Actor.user(user), user=user, text=text or self.value, **given)


class Desk:
    """People, units and the steps of a ticket."""

    def __init__(self, maker: Maker) -> None:
        self.maker = maker
        import_trust(actor=SYSTEM, bundle=maker.public())
        self.clerk = self.person("clerk", "clerk")
        self.approvers = {name: self.person(name, "approver") for name in ("bea", "carl", "dora")}

    def person(self, username: str, *roles: str, customer_id: Any = None) -> User:
        user, _ = create_user(
            actor=SYSTEM,
            username=username,
            email=f"{username}@desk.example",
            roles=roles,
            customer_id=customer_id,
        )
        return user

    def unit(self, serial: str) -> tuple[Unit, UnitRow]:
        made = self.maker.unit(serial)
        return made, enrol_unit(actor=SYSTEM, bundle=made.bundle())

    def site(self, name: str) -> Site:
        return Site(self, name)

    @property
    def by_clerk(self) -> Actor:
        return Actor.user(self.clerk)

    def accept(self, ticket: Ticket) -> Ticket:
        return accept_ticket(actor=self.by_clerk, ticket=ticket)

    def reserve(self, ticket: Ticket, serial: str) -> Unit:
        """A fresh replacement asks for keys and is reserved."""
        made, _ = self.unit(serial)
        waiting = take_transfer_request(document=made.request())
        reserve_replacement(actor=self.by_clerk, ticket=ticket, transfer_request=waiting)
        return made

    def attempt(self, ticket: Ticket) -> Attempt:
        return ticket.attempts.get(state=Attempt.State.OPEN)

    def approve(self, ticket: Ticket, *people: str) -> Ticket:
        for name in people:
            text = self.maker.approve(self.attempt(ticket).document, name)
            ticket = add_approval(actor=Actor.user(self.approvers[name]), ticket=ticket, approval=text)
        return ticket

    def custody_answers(self, ticket: Ticket, **reply: str) -> str:
        """Custody's answer to the ticket's recovery; an honest transfer unless `reply` says otherwise."""
        request = self.attempt(ticket).custody_request
        assert request is not None
        answer = reply or {"outcome": "done", "transfer": self.maker.transfer(request.documents)}
        answer_request(actor=Actor.system("custody"), request_id=request.pk, reply=answer)
        ticket.refresh_from_db()
        return answer.get("transfer", "")

    def to_ready(self, site: Site) -> tuple[Ticket, Unit, str]:
        ticket = self.accept(site.open())
        fresh = self.reserve(ticket, f"{site.name}-2")
        self.approve(ticket, "bea", "carl")
        return ticket, fresh, self.custody_answers(ticket)

    def ship(self, ticket: Ticket) -> Ticket:
        return ship_ticket(actor=self.by_clerk, ticket=ticket, carrier="Post", tracking="T1")

    def to_released(self, site: Site) -> tuple[Ticket, Unit, str, str]:
        """Shipped and received; the last is the code from the mail."""
        ticket, fresh, transfer = self.to_ready(site)
        self.ship(ticket)
        confirm_receipt(actor=Actor.user(site.contact), ticket=ticket)
        return ticket, fresh, transfer, self.code(ticket)

    def code(self, ticket: Ticket) -> str:
        """Run the worker's job and read its mail."""
        send_release_code(Context(ticket=str(ticket.pk)))  # type: ignore[arg-type]
        found = CODE.search(str(mail.outbox[-1].body))
        assert found is not None
        return found[0]

    def to_installed(self, site: Site) -> tuple[Ticket, Unit, str]:
        ticket, fresh, transfer, _ = self.to_released(site)
        ticket = take_installation(document=fresh.install(transfer))
        return ticket, fresh, transfer

    def to_restored(self, site: Site, *, finish: bool = True) -> tuple[Ticket, Unit]:
        """With `finish`, the new unit has lodged and drilled its own value and lodged a head."""
        ticket, fresh, transfer = self.to_installed(site)
        if finish:
            value = fresh.value(site.owner, BackupKey.generate(2))
            lodge_value(document=value)
            self.drill(fresh, site, value)
            lodge_head(document=fresh.head(site.owner, site.target, 1))
        return take_report(document=fresh.report(site.owner, str(ticket.pk), transfer)), fresh

    def drill(self, unit: Unit, site: Site, value: str) -> None:
        drill = ask_drill(document=unit.drill(site.owner, value))
        documents = CustodyRequest.objects.get(pk=drill.custody_request_id).documents
        answer_request(
            actor=Actor.system("custody"),
            request_id=drill.custody_request_id,
            reply={"outcome": "done", "proof": self.maker.proof(documents["request"])},
        )
