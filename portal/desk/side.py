"""What the desk tells the layout: its navigation, who it is, what its finder finds."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from manufacturer.registry.selectors import customer_of, customers_for, is_staff, units_for
from manufacturer.rma.selectors import tickets_for
from portal.desk.whose import waiting_for
from portal.shell.request import PageRequest
from portal.shell.site import Hit, Identity, NavGroup, NavItem, Side

STAFF = ("clerk", "approver", "custodian", "auditor")
CONTACT = ("contact",)

GROUPS = (
    NavGroup("Desk", (
        NavItem("Queue", "desk:home", "checklist", STAFF, "tickets waiting whose move"),
        NavItem("Tickets", "desk:tickets", "ticket", STAFF, "rma returns replacements"),
        NavItem("Finder", "desk:finder", "search", STAFF, "identify value header paste"),
        NavItem("Tasks", "shell:jobs", "activity", STAFF, "jobs progress"),
        NavItem("Event log", "shell:events", "list-details", STAFF, "audit"),
    )),
    NavGroup("Registry", (
        NavItem("Customers", "desk:customers", "building", STAFF),
        NavItem("Appliances", "desk:appliances", "stack-2", STAFF, "chain of units"),
        NavItem("Units", "desk:units", "server", STAFF, "serial stock devices"),
        NavItem("Lodged values", "desk:values", "key", STAFF, "escrow proven on"),
    )),
    NavGroup("Custody", (
        NavItem("Authority keys", "desk:authority", "certificate", STAFF, "root front desk custody list"),
        NavItem("Ledger of openings", "desk:ledger", "history", STAFF),
        NavItem("Drills", "desk:drills", "test-pipe", STAFF, "proof value opens"),
    )),
    NavGroup("Your recovery", (
        NavItem("Overview", "desk:home", "home", CONTACT),
        NavItem("My tickets", "desk:tickets", "ticket", CONTACT, "follow replacement"),
        NavItem("Open a ticket", "desk:ticket-new", "plus", CONTACT, "unit lost dead broken replacement"),
        NavItem("My units", "desk:units", "server", CONTACT),
        NavItem("My lodged values", "desk:values", "key", CONTACT),
        NavItem("Openings of my values", "desk:ledger", "history", CONTACT, "ledger"),
    )),
    NavGroup("System", (
        NavItem("People", "shell:people", "users", ("custodian", "auditor"), "accounts users roles"),
    )),
)  # fmt: skip


def identity(request: HttpRequest) -> Identity:
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated and user.customer_id and not is_staff(user):
        return Identity(name="Recovery desk", line=str(customer_of(user)))
    return Identity(name="Recovery desk", line="manufacturer" if settings.STRONGROOM_ROLE else "")


def door() -> str:
    return (
        "The manufacturer's desk. Customers' contacts open and follow tickets here; clerks, approvers and "
        "custodians work on them."
    )


def find(request: PageRequest, text: str) -> list[Hit]:
    """Tickets by number, units by serial, customers by name: only what this person may see."""
    user = request.user
    hits = [
        Hit(
            f"{ticket.number} · {ticket.customer}",
            reverse("desk:ticket", args=[ticket.pk]),
            "ticket",
            "Ticket",
        )
        for ticket in tickets_for(user).filter(number__icontains=text)[:5]
    ]
    hits += [
        Hit(unit.serial, reverse("desk:unit", args=[unit.pk]), "server", "Unit")
        for unit in units_for(user).filter(serial__icontains=text)[:5]
    ]
    if is_staff(user):
        hits += [
            Hit(customer.name, reverse("desk:customer", args=[customer.pk]), "building", "Customer")
            for customer in customers_for(user).filter(name__icontains=text)[:5]
        ]
        if len(text) > 60:
            hits.insert(0, Hit("Identify this text", reverse("desk:finder"), "search", "Finder"))
    return hits


def counts(request: PageRequest) -> dict[str, tuple[int, str]]:
    """How many tickets wait for this person's move."""
    waiting = waiting_for(request.user)
    return {"desk:home": (waiting, "warn")} if waiting else {}


def customers(request: PageRequest) -> list[tuple[str, str]]:
    return [(str(row.pk), row.name) for row in customers_for(request.user)]


SIDE = Side(
    groups=GROUPS,
    identity=identity,
    find=find,
    counts=counts,
    customers=customers,
    finder="desk:finder",
    door=door,
)
