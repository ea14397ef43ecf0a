"""A ticket from the first value to the closed case, and each arrow from every other state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from audit.actor import Actor
from ground.refusals import Refusal
from manufacturer.registry.models import TransferRequest
from manufacturer.registry.models import Unit as UnitRow
from manufacturer.rma.actions.add_approval import add_approval
from manufacturer.rma.actions.cancel_ticket import cancel_ticket
from manufacturer.rma.actions.close_ticket import close_ticket
from manufacturer.rma.actions.collect_transfer import collect_transfer
from manufacturer.rma.actions.confirm_receipt import confirm_receipt, send_new_code
from manufacturer.rma.actions.edit_ticket import edit_ticket
from manufacturer.rma.actions.refuse_ticket import refuse_ticket
from manufacturer.rma.actions.reissue_ticket import reissue_ticket
from manufacturer.rma.actions.ship_ticket import ship_ticket
from manufacturer.rma.models import Ticket
from tests.support.desk import Desk, Site

S = Ticket.State


def test_a_loss_goes_from_value_to_closed_ticket(desk: Desk) -> None:
    site = desk.site("acme")
    ticket, fresh = desk.to_restored(site)
    close_ticket(actor=desk.by_clerk, ticket=ticket)
    old, new = UnitRow.objects.get(serial="acme-1"), UnitRow.objects.get(serial=fresh.serial)
    assert ticket.state == S.CLOSED
    assert (old.state, old.withdrawn_reason, old.replaced_by) == ("failed", "closed-out", new)
    assert (new.state, new.customer, new.appliance) == ("in_service", site.customer, site.appliance)
    assert TransferRequest.objects.get().state == "used"
    assert [entry.state for entry in ticket.timeline.order_by("sequence")] == [
        *["submitted", "accepted", "accepted", "accepted", "approved", "ready", "shipped", "shipped"],
        *["installed", "restored", "closed"],
    ]


def test_the_transfer_is_collected_with_the_mailed_code_alone(desk: Desk) -> None:
    ticket, _, transfer, code = desk.to_released(desk.site("acme"))
    digest = desk.attempt(ticket).request.digest
    assert collect_transfer(request_digest=digest, code=code.lower().replace("-", " ")) == transfer


# --- every arrow from every state ---------------------------------------------------------------------------

Reach = Callable[[Desk, Site], Ticket]


def submitted(desk: Desk, site: Site) -> Ticket:
    return site.open()


def accepted(desk: Desk, site: Site) -> Ticket:
    return desk.accept(site.open())


def reserved(desk: Desk, site: Site) -> Ticket:
    ticket = accepted(desk, site)
    desk.reserve(ticket, "fresh-2")
    return ticket


def approved(desk: Desk, site: Site) -> Ticket:
    return desk.approve(reserved(desk, site), "bea", "carl")


def ready(desk: Desk, site: Site) -> Ticket:
    return desk.to_ready(site)[0]


def shipped(desk: Desk, site: Site) -> Ticket:
    return desk.ship(ready(desk, site))


def received(desk: Desk, site: Site) -> Ticket:
    return desk.to_released(site)[0]


def installed(desk: Desk, site: Site) -> Ticket:
    return desk.to_installed(site)[0]


def restored(desk: Desk, site: Site) -> Ticket:
    return desk.to_restored(site)[0]


def closed(desk: Desk, site: Site) -> Ticket:
    return close_ticket(actor=desk.by_clerk, ticket=restored(desk, site))


def refused(desk: Desk, site: Site) -> Ticket:
    return refuse_ticket(actor=desk.by_clerk, ticket=site.open(), reason="no entitlement")


def cancelled(desk: Desk, site: Site) -> Ticket:
    return cancel_ticket(actor=Actor.user(site.contact), ticket=site.open())


STATES: dict[str, Reach] = {
    reach.__name__: reach
    for reach in (
        *(submitted, accepted, reserved, approved, ready, shipped, received),
        *(installed, restored, closed, refused, cancelled),
    )
}


def by_clerk(verb: Callable[..., Any], **given: Any) -> Callable[[Desk, Ticket], Any]:
    return lambda desk, ticket: verb(actor=desk.by_clerk, ticket=ticket, **given)


MOVES: dict[str, tuple[Callable[[Desk, Ticket], Any], dict[str, str]]] = {
    # what is tried, and in which states it is allowed with the state it leads to
    "accept": (lambda desk, ticket: desk.accept(ticket), {"submitted": S.ACCEPTED}),
    "refuse": (by_clerk(refuse_ticket, reason="x"), {"submitted": S.REFUSED}),
    "cancel": (
        by_clerk(cancel_ticket),
        {"submitted": S.CANCELLED, "accepted": S.CANCELLED, "reserved": S.CANCELLED},
    ),
    "edit": (by_clerk(edit_ticket, reason="y"), {"accepted": S.ACCEPTED, "reserved": S.ACCEPTED}),
    "reserve": (lambda desk, ticket: desk.reserve(ticket, "spare-9"), {"accepted": S.ACCEPTED}),
    "ship": (by_clerk(ship_ticket, carrier="c", tracking="t"), {"ready": S.SHIPPED}),
    "receipt": (by_clerk(confirm_receipt), {"shipped": S.SHIPPED}),
    "code": (by_clerk(send_new_code), {"received": S.SHIPPED}),
    "reissue": (
        by_clerk(reissue_ticket, reason="lost"),
        dict.fromkeys(("approved", "ready", "shipped", "received"), S.ACCEPTED),
    ),
    "close": (by_clerk(close_ticket), {"restored": S.CLOSED}),
    "approve": (
        lambda desk, ticket: add_approval(
            actor=desk.by_clerk, ticket=ticket, approval=last_approval(desk, ticket)
        ),
        {"reserved": S.ACCEPTED},
    ),
}


def last_approval(desk: Desk, ticket: Ticket) -> str:
    """A good signature by dora over whatever document the ticket's last attempt had."""
    attempt = ticket.attempts.order_by("-number").first()
    return desk.maker.approve(attempt.document, "dora") if attempt and attempt.document else "a.b.c"


ALLOWED = [(name, state, to) for name, (_, states) in MOVES.items() for state, to in states.items()]
FORBIDDEN = [(name, state) for name, (_, states) in MOVES.items() for state in STATES if state not in states]


@pytest.mark.parametrize(("move", "state", "to"), ALLOWED)
def test_an_allowed_arrow_is_taken(desk: Desk, move: str, state: str, to: str) -> None:
    ticket = STATES[state](desk, desk.site("acme"))
    MOVES[move][0](desk, ticket)
    assert Ticket.objects.get().state == to


@pytest.mark.parametrize(("move", "state"), FORBIDDEN)
def test_any_other_arrow_is_refused_and_changes_nothing(desk: Desk, move: str, state: str) -> None:
    ticket = STATES[state](desk, desk.site("acme"))
    before = Ticket.objects.filter(pk=ticket.pk).values().get(), ticket.timeline.count()
    with pytest.raises(Refusal) as refusal:
        MOVES[move][0](desk, ticket)
    assert refusal.value.code in ("tickets.move-not-allowed", "tickets.no-document")
    assert (Ticket.objects.filter(pk=ticket.pk).values().get(), ticket.timeline.count()) == before


@pytest.mark.parametrize("move", ["accept", "refuse", "cancel"])
def test_whoever_decided_on_an_older_revision_loses(desk: Desk, move: str) -> None:
    site = desk.site("acme")
    ticket = site.open()
    stale = Ticket.objects.get(pk=ticket.pk)
    desk.accept(ticket)
    with pytest.raises(Refusal) as refusal:
        MOVES[move][0](desk, stale)
    assert refusal.value.code == "tickets.move-not-allowed"
    assert Ticket.objects.get().state == S.ACCEPTED
