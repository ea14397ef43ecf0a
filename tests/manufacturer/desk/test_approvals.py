"""Approvals: who may not, over what not, and two at the same moment."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from audit.actor import Actor
from ground.refusals import Refusal
from manufacturer.escrow.models import CustodyRequest
from manufacturer.registry.actions.import_trust import import_trust
from manufacturer.registry.models import TrustBundle
from manufacturer.rma.actions.accept_ticket import accept_ticket
from manufacturer.rma.actions.add_approval import add_approval
from manufacturer.rma.actions.edit_ticket import edit_ticket
from manufacturer.rma.models import Approval, Attempt, Ticket
from sealing.documents import ticket as ticket_document
from sealing.ecdsa import SigningKey
from sealing.encoding import b64u
from tests.support.desk import Desk
from tests.support.maker import Maker, now


@pytest.fixture
def ticket(desk: Desk) -> Ticket:
    """Accepted, with a replacement reserved and nobody's approval."""
    ticket = desk.accept(desk.site("acme").open())
    desk.reserve(ticket, "acme-2")
    return ticket


def approve(desk: Desk, ticket: Ticket, text: str) -> Ticket:
    return add_approval(actor=Actor.user(desk.clerk), ticket=ticket, approval=text)


def code_of(desk: Desk, ticket: Ticket, text: str) -> str:
    with pytest.raises(Refusal) as refusal:
        approve(desk, ticket, text)
    return refusal.value.code


def test_an_approval_by_whoever_opened_the_ticket_is_refused(desk: Desk) -> None:
    site = desk.site("acme")
    ticket = site.open(user=desk.person("dora2", "clerk"))
    Ticket.objects.filter(pk=ticket.pk).update(opened_by="bea")
    ticket.refresh_from_db()
    desk.reserve(desk.accept(ticket), "acme-2")
    text = desk.maker.approve(desk.attempt(ticket).document, "bea")
    assert code_of(desk, ticket, text) == "approvals.own-ticket"


def test_an_approval_by_whoever_edited_the_ticket_is_refused(desk: Desk) -> None:
    ticket = desk.site("acme").open()
    accept_ticket(actor=Actor.user(desk.approvers["bea"]), ticket=ticket)
    desk.reserve(ticket, "acme-2")
    text = desk.maker.approve(desk.attempt(ticket).document, "bea")
    assert code_of(desk, ticket, text) == "approvals.own-ticket"


def test_a_second_approval_by_the_same_person_is_refused(desk: Desk, ticket: Ticket) -> None:
    desk.approve(ticket, "bea")
    again = desk.maker.approve(desk.attempt(ticket).document, "bea")
    assert code_of(desk, ticket, again) == "approvals.same-person"
    assert Ticket.objects.get().state == "accepted"
    assert not CustodyRequest.objects.exists()


def test_an_approval_by_somebody_not_on_the_roster_is_refused(desk: Desk, ticket: Ticket) -> None:
    text = desk.maker.approve(desk.attempt(ticket).document, "bea", signer=SigningKey.generate())
    assert code_of(desk, ticket, text) == "approvals.not-on-roster"


def test_an_approval_by_a_mere_custodian_is_refused(desk: Desk, ticket: Ticket) -> None:
    text = desk.maker.approve(desk.attempt(ticket).document, "emil")
    assert code_of(desk, ticket, text) == "approvals.not-on-roster"


def test_an_approval_in_anothers_name_is_refused(desk: Desk, ticket: Ticket) -> None:
    text = desk.maker.approve(desk.attempt(ticket).document, "carl", signer=desk.maker.people["bea"])
    assert code_of(desk, ticket, text) == "documents.refused"


def test_an_approval_by_a_person_of_the_customer_is_refused(desk: Desk, ticket: Ticket) -> None:
    maker = desk.maker
    people = [
        dataclasses.replace(p, customer=str(ticket.customer_id)) if p.id == "bea" else p
        for p in maker.roster_people()
    ]
    rosters = [maker.roster, maker.next_roster(people, "emil")]
    import_trust(actor=Actor.command("test"), bundle={**maker.public(), "rosters": rosters})
    text = maker.approve(desk.attempt(ticket).document, "bea")
    assert code_of(desk, ticket, text) == "approvals.of-the-customer"


def test_an_approval_over_a_ticket_edited_since_is_refused(desk: Desk, ticket: Ticket) -> None:
    before = desk.maker.approve(desk.attempt(ticket).document, "bea")
    edit_ticket(actor=desk.by_clerk, ticket=ticket, reason="it burned")
    assert code_of(desk, ticket, before) == "approvals.other-document"


def test_an_approval_of_another_ticket_is_refused(desk: Desk, ticket: Ticket) -> None:
    other = desk.accept(desk.site("bell").open())
    desk.reserve(other, "bell-2")
    text = desk.maker.approve(desk.attempt(other).document, "bea")
    assert code_of(desk, ticket, text) == "approvals.other-document"


@pytest.mark.parametrize("text", ["", "a.b.c", "x" * 10_000, "\x00", "{}"])
def test_text_that_is_no_approval_is_refused(desk: Desk, ticket: Ticket, text: str) -> None:
    assert code_of(desk, ticket, text) == "documents.refused"


def test_any_edit_voids_what_was_approved_and_makes_another_document(desk: Desk, ticket: Ticket) -> None:
    desk.approve(ticket, "bea")
    before = desk.attempt(ticket).document_digest
    edit_ticket(actor=desk.by_clerk, ticket=ticket, reason="it burned")
    assert desk.attempt(ticket).document_digest != before
    assert [approval.void for approval in Approval.objects.all()] == [True]
    desk.approve(ticket, "carl")
    assert Ticket.objects.get().state == "accepted"
    desk.approve(ticket, "bea")
    assert Ticket.objects.get().state == "approved"


def test_a_unit_that_turns_out_stolen_leaves_nothing_to_approve(desk: Desk, ticket: Ticket) -> None:
    text = desk.maker.approve(desk.attempt(ticket).document, "bea")
    edit_ticket(actor=desk.by_clerk, ticket=ticket, ended="stolen")
    assert code_of(desk, ticket, text) == "tickets.no-document"
    ticket.source_unit.refresh_from_db()
    assert ticket.source_unit.withdrawn_reason == "stolen"


def test_an_unlodged_value_needs_a_third_approval(desk: Desk) -> None:
    site = desk.site("acme")
    unlodged = site.unit.value(site.owner, site.key)
    ticket = desk.accept(site.open(unlodged))
    desk.reserve(ticket, "acme-2")
    desk.approve(ticket, "bea", "carl")
    assert Ticket.objects.get().state == "accepted"
    desk.approve(ticket, "dora")
    assert Ticket.objects.get().state == "approved"


def test_custody_is_asked_once_with_finished_signatures_only(desk: Desk, ticket: Ticket) -> None:
    desk.approve(ticket, "bea", "carl")
    request = CustodyRequest.objects.get()
    assert sorted(request.documents) == [
        *["approvals", "device_record", "heads", "receipts", "request", "ticket", "values"],
    ]
    document = ticket_document.read(request.documents["ticket"], desk.maker.trust)
    assert (document.opened_by.id, [e.id for e in document.edited_by]) == ("acme-ada", ["clerk"])
    assert desk.maker.transfer(request.documents)


def test_approvals_forged_by_sql_do_not_move_the_ticket_and_do_not_count(desk: Desk, ticket: Ticket) -> None:
    """Rows alone are nothing: what custody gets are signatures, and it counts those itself."""
    attempt = desk.attempt(ticket)
    for person in ("carl", "dora"):
        Approval.objects.create(
            attempt=attempt, person=person, document_digest=attempt.document_digest, document="forged"
        )
    assert Ticket.objects.get().state == "accepted"
    desk.approve(ticket, "bea")
    sent = CustodyRequest.objects.get().documents["approvals"]
    assert sent.count("forged") == 2
    assert len(sent) == 3


def test_the_database_refuses_a_second_row_of_one_person(desk: Desk, ticket: Ticket) -> None:
    attempt = desk.attempt(ticket)
    row = {"attempt": attempt, "person": "bea", "document_digest": "d", "document": "x"}
    Approval.objects.create(**row)
    with pytest.raises(IntegrityError), transaction.atomic():
        Approval.objects.create(**row)


def test_an_older_bundle_or_another_root_is_not_imported(desk: Desk) -> None:
    maker = desk.maker
    people = maker.roster_people()
    newer = {**maker.public(), "rosters": [maker.roster, maker.next_roster(people[1:], "emil")]}
    import_trust(actor=Actor.command("test"), bundle=newer)
    for older in (maker.public(), Maker().public()):
        with pytest.raises(Refusal) as refusal:
            import_trust(actor=Actor.command("test"), bundle=older)
        assert refusal.value.code == "desk.trust-older"
    assert TrustBundle.objects.count() == 2


def test_a_bundle_that_is_none_is_refused(desk: Desk) -> None:
    good = desk.maker.public()
    spoiled: list[dict[str, Any]] = [
        {},
        {**good, "root": b64u(b"x")},
        {**good, "rosters": []},
        {**good, "authority_list": Maker().authority_list},
    ]
    for bundle in spoiled:
        with pytest.raises(Refusal) as refusal:
            import_trust(actor=Actor.command("test"), bundle=bundle)
        assert refusal.value.code == "documents.refused"


# --- at the same moment -------------------------------------------------------------------------------------


def at_once(*calls: Callable[[], object]) -> list[str]:
    """Each call in a thread of its own, begun together; the outcome or the refusal's code of each."""
    start, outcomes = threading.Barrier(len(calls)), [""] * len(calls)

    def run(index: int, call: Callable[[], object]) -> None:
        try:
            start.wait(10)
            call()
            outcomes[index] = "done"
        except Refusal as refusal:
            outcomes[index] = refusal.code
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(i, call)) for i, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes


@pytest.mark.django_db(transaction=True)
def test_two_approvers_at_the_same_moment_both_count_and_custody_is_asked_once(
    desk: Desk, ticket: Ticket
) -> None:
    document = desk.attempt(ticket).document
    texts = [desk.maker.approve(document, person) for person in ("bea", "carl")]
    outcomes = at_once(*(lambda text=text: approve(desk, fresh(ticket), text) for text in texts))
    assert outcomes == ["done", "done"]
    assert Ticket.objects.get().state == "approved"
    assert CustodyRequest.objects.count() == 1
    assert len(CustodyRequest.objects.get().documents["approvals"]) == 2


@pytest.mark.django_db(transaction=True)
def test_the_same_approval_five_times_at_once_counts_once(desk: Desk, ticket: Ticket) -> None:
    text = desk.maker.approve(desk.attempt(ticket).document, "bea")
    outcomes = at_once(*(lambda: approve(desk, fresh(ticket), text) for _ in range(5)))
    assert sorted(outcomes) == ["approvals.same-person"] * 4 + ["done"]
    assert Approval.objects.count() == 1
    assert not CustodyRequest.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_three_approvers_at_once_ask_custody_once(desk: Desk, ticket: Ticket) -> None:
    document = desk.attempt(ticket).document
    texts = [desk.maker.approve(document, person) for person in ("bea", "carl", "dora")]
    outcomes = at_once(*(lambda text=text: approve(desk, fresh(ticket), text) for text in texts))
    assert sorted(outcomes) == ["done", "done", "tickets.move-not-allowed"]
    assert CustodyRequest.objects.count() == 1
    assert Attempt.objects.get().custody_request == CustodyRequest.objects.get()


@pytest.mark.django_db(transaction=True)
def test_an_edit_at_the_moment_of_the_last_approval_wins_or_loses_whole(desk: Desk, ticket: Ticket) -> None:
    desk.approve(ticket, "bea")
    text = desk.maker.approve(desk.attempt(ticket).document, "carl")
    at_once(
        lambda: approve(desk, fresh(ticket), text),
        lambda: edit_ticket(actor=desk.by_clerk, ticket=fresh(ticket), reason=f"again {now()}"),
    )
    final = Ticket.objects.get()
    live = Approval.objects.filter(void=False).count()
    asked = CustodyRequest.objects.count()
    assert (final.state, live, asked) in [("approved", 2, 1), ("accepted", 0, 0)]


def fresh(ticket: Ticket) -> Ticket:
    return Ticket.objects.get(pk=ticket.pk)
