"""Each page of the desk for each role; a customer's contact sees that customer's things and no other's."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from audit.log import record
from audit.models import Event
from jobs.models import Job
from manufacturer.registry.models import Customer
from manufacturer.rma.models import Approval, Ticket
from portal.desk.models import TicketDraft
from tests.support.desk import SYSTEM, Desk, Site
from tests.support.pages import CSP, HOSTILE, browser_of, inline_code, page_names, policy_of

pytestmark = pytest.mark.django_db
STAFF = ("clerk", "approver", "custodian", "auditor")
OWNERS = (*STAFF, "contact")
EVERYONE = (*OWNERS, "stranger", "nobody")  # stranger: another customer's contact

PAGES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "shell:tray": ((), EVERYONE),
    "shell:tray-label": ((), EVERYONE),
    "shell:find": ((), EVERYONE),
    "shell:jobs": ((), EVERYONE),
    "shell:job": (("job",), ("clerk", "custodian", "auditor")),
    "shell:job-row": (("job",), ("clerk", "custodian", "auditor")),
    "shell:events": ((), STAFF),
    "shell:event": (("event",), STAFF),
    "shell:people": ((), ("custodian", "auditor")),
    "shell:person-add": ((), ("custodian",)),
    "shell:person": (("person",), ("custodian",)),
    "shell:account": ((), EVERYONE),
    "shell:tokens": ((), EVERYONE),
    "desk:home": ((), EVERYONE),
    "desk:finder": ((), STAFF),
    "desk:tickets": ((), EVERYONE),
    "desk:ticket": (("ticket",), OWNERS),
    "desk:ticket-approve": (("ticket",), ("approver",)),
    "desk:customers": ((), STAFF),
    "desk:customer": (("customer",), STAFF),
    "desk:appliances": ((), STAFF),
    "desk:appliance": (("appliance",), OWNERS),
    "desk:units": ((), EVERYONE),
    "desk:unit": (("unit",), OWNERS),
    "desk:values": ((), EVERYONE),
    "desk:value": (("value",), OWNERS),
    "desk:ledger": ((), EVERYONE),
    "desk:drills": ((), STAFF),
    "desk:authority": ((), STAFF),
}
ACTS: dict[str, tuple[str, ...]] = {
    "shell:again": (),
    "shell:job-cancel": ("job",),
    "shell:job-retry": ("job",),
    "shell:person-deactivate": ("person",),
    "shell:person-password": ("person",),
    "shell:token-revoke": ("job",),
    "desk:ticket-discard": (),
    "desk:unit-ended": ("unit",),
}
ELSEWHERE = {"desk:ticket-new", "desk:ticket-step", "desk:ticket-move"}


@pytest.fixture
def scene(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr("jobs.broker.send", lambda _: False)
    acme, other = desk.site("acme"), desk.site("other")
    ticket = desk.accept(acme.open())
    desk.reserve(ticket, "acme-2")
    people = {
        "clerk": desk.clerk,
        "approver": desk.approvers["bea"],
        "custodian": desk.person("emil", "custodian"),
        "auditor": desk.person("audrey", "auditor"),
        "contact": acme.contact,
        "stranger": other.contact,
        "nobody": desk.person("nora"),
    }
    job = Job.objects.create(kind="rma.notice", actor_kind="system", actor_id="x", actor_name="x")
    return {
        "desk": desk, "acme": acme, "other": other, "people": people, "ticket": ticket, "unit": acme.row,
        "customer": acme.customer, "appliance": acme.appliance, "value": acme.lodged, "job": job,
        "event": record("tests.happened", actor=SYSTEM), "person": people["auditor"],
    }  # fmt: skip


def _address(name: str, arguments: tuple[str, ...], scene: dict[str, Any]) -> str:
    return reverse(name, args=[scene[argument].pk for argument in arguments])


def test_every_page_of_the_url_map_stands_in_these_tables() -> None:
    assert page_names() == set(PAGES) | set(ACTS) | ELSEWHERE


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_is_there_for_its_roles_and_for_nobody_else(name: str, scene: dict[str, Any]) -> None:
    arguments, roles = PAGES[name]
    address = _address(name, arguments, scene)
    answers = {role: browser_of(person).get(address) for role, person in scene["people"].items()}
    assert {role for role, answer in answers.items() if answer.status_code == 200} == set(roles)
    assert {answer.status_code for role, answer in answers.items() if role not in roles} <= {404}
    assert {policy_of(answer) for answer in answers.values()} == {CSP}
    assert [inline_code(answer) for answer in answers.values() if inline_code(answer)] == []


def test_strangers_are_asked_to_sign_in(scene: dict[str, Any]) -> None:
    for name, (arguments, _) in PAGES.items():
        answer = Client().get(_address(name, arguments, scene))
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("name", sorted(ACTS))
def test_an_act_never_happens_by_looking(name: str, scene: dict[str, Any]) -> None:
    before = Event.objects.count()
    assert browser_of(scene["people"]["clerk"]).get(_address(name, ACTS[name], scene)).status_code == 405
    assert Event.objects.count() == before


def test_a_contact_sees_nothing_of_another_customer_in_any_list(scene: dict[str, Any]) -> None:
    browser = browser_of(scene["people"]["contact"])
    for name in ("desk:home", "desk:tickets", "desk:units", "desk:values", "desk:ledger", "shell:find"):
        assert b"other" not in browser.get(reverse(name), {"q": "o"}).content.replace(b"another", b"")


def test_a_move_of_another_role_does_not_exist(scene: dict[str, Any]) -> None:
    ticket = scene["ticket"]
    for role, moves in {
        "contact": ["accept", "request", "shipment", "close", "reissue"],
        "approver": ["close"],
    }.items():
        for name in moves:
            answer = browser_of(scene["people"][role]).post(
                reverse("desk:ticket-move", args=[ticket.pk, name])
            )
            assert answer.status_code in (404, 302)
    ticket.refresh_from_db()
    assert ticket.state == Ticket.State.ACCEPTED


def test_a_move_that_is_none_does_not_exist(scene: dict[str, Any]) -> None:
    browser = browser_of(scene["people"]["clerk"])
    answer = browser.post(reverse("desk:ticket-move", args=[scene["ticket"].pk, "approvals"]))
    assert answer.status_code == 404


def test_a_refusal_without_a_reason_is_shown_again(scene: dict[str, Any]) -> None:
    ticket = scene["other"].open()
    browser = browser_of(scene["people"]["clerk"])
    answer = browser.post(reverse("desk:ticket-move", args=[ticket.pk, "refuse"]), {"reason": " "})
    assert answer.status_code == 400
    ticket.refresh_from_db()
    assert ticket.state == Ticket.State.SUBMITTED


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_text(name: str, scene: dict[str, Any]) -> None:
    Customer.objects.filter(pk=scene["customer"].pk).update(name=name[:120])
    Ticket.objects.update(reason=name, refusal_reason=name)
    browser = browser_of(scene["people"]["clerk"])
    for page in ("desk:home", "desk:tickets", "desk:ticket", "desk:customers", "desk:units", "desk:values"):
        answer = browser.get(_address(page, PAGES[page][0], scene))
        assert answer.status_code == 200
        assert inline_code(answer) == []


# Approving


def test_the_page_that_approves_has_no_field_for_key_or_passphrase(scene: dict[str, Any]) -> None:
    answer = browser_of(scene["people"]["approver"]).get(_address("desk:ticket-approve", ("ticket",), scene))
    names = set(re.findall(rb'<(?:input|textarea|select)[^>]*\bname="([^"]+)"', answer.content))
    # q and text belong to the finder, which stands on every page.
    assert names == {b"csrfmiddlewaretoken", b"approval", b"q", b"text"}


def test_the_page_that_approves_shows_the_exact_document(scene: dict[str, Any]) -> None:
    attempt = scene["desk"].attempt(scene["ticket"])
    answer = browser_of(scene["people"]["approver"]).get(_address("desk:ticket-approve", ("ticket",), scene))
    assert attempt.document.encode() in answer.content
    assert attempt.document_digest.encode() in answer.content


def test_a_finished_signature_is_taken(scene: dict[str, Any]) -> None:
    desk: Desk = scene["desk"]
    text = desk.maker.approve(desk.attempt(scene["ticket"]).document, "bea")
    browser = browser_of(scene["people"]["approver"])
    answer = browser.post(_address("desk:ticket-approve", ("ticket",), scene), {"approval": text})
    assert answer.status_code == 302
    assert Approval.objects.get().person == "bea"


def test_another_persons_signature_is_refused_with_its_code(scene: dict[str, Any]) -> None:
    desk: Desk = scene["desk"]
    text = desk.maker.approve(desk.attempt(scene["ticket"]).document, "bea")[:-4] + "AAAA"
    browser = browser_of(scene["people"]["approver"])
    answer = browser.post(_address("desk:ticket-approve", ("ticket",), scene), {"approval": text})
    assert answer.status_code == 200
    assert Approval.objects.count() == 0
    assert Event.objects.filter(action="portal.refused", actor_name="bea").exists()


# The ticket wizard


def _fill(browser: Client, site: Site) -> None:
    browser.post(reverse("desk:ticket-step", args=["unit"]), {"unit": site.row.pk})
    browser.post(reverse("desk:ticket-step", args=["how"]), {"ended": "failed", "story": "It burnt."})


def test_a_later_step_is_not_reached_before_its_turn(scene: dict[str, Any]) -> None:
    browser = browser_of(scene["people"]["stranger"])
    assert browser.get(reverse("desk:ticket-step", args=["check"]))["Location"] == "/tickets/new/"
    assert browser.get(reverse("desk:ticket-new"))["Location"] == "/tickets/new/unit/"


def test_another_customers_unit_cannot_be_chosen(scene: dict[str, Any]) -> None:
    browser = browser_of(scene["people"]["stranger"])
    browser.post(reverse("desk:ticket-step", args=["unit"]), {"unit": scene["acme"].row.pk})
    assert TicketDraft.objects.get().unit_id is None


@pytest.mark.parametrize("text", ["not a value", "\ufeff", "a.b.c"])
def test_a_text_that_is_no_value_is_not_kept(text: str, scene: dict[str, Any]) -> None:
    browser = browser_of(scene["people"]["stranger"])
    _fill(browser, scene["other"])
    answer = browser.post(reverse("desk:ticket-step", args=["value"]), {"text": text})
    assert answer.status_code in (200, 409)
    assert TicketDraft.objects.get().text == ""


def test_another_customers_value_is_not_kept_and_looks_like_an_unknown_one(scene: dict[str, Any]) -> None:
    browser = browser_of(scene["people"]["stranger"])
    _fill(browser, scene["other"])
    answer = browser.post(reverse("desk:ticket-step", args=["value"]), {"text": scene["acme"].value})
    assert answer.status_code == 409
    assert b"acme" not in answer.content
    assert TicketDraft.objects.get().text == ""


def test_the_draft_survives_a_sign_out_and_opens_the_ticket(scene: dict[str, Any]) -> None:
    site: Site = scene["other"]
    first = browser_of(scene["people"]["stranger"])
    _fill(first, site)
    first.post(reverse("desk:ticket-step", args=["value"]), {"text": f"\n {site.value}\n"})
    later = browser_of(scene["people"]["stranger"])
    assert later.get(reverse("desk:ticket-new"))["Location"] == "/tickets/new/check/"
    assert site.row.serial.encode() in later.get("/tickets/new/check/").content
    answer = later.post("/tickets/new/check/")
    ticket = Ticket.objects.get(source_unit=site.row)
    assert answer["Location"] == f"/tickets/{ticket.pk}/"
    assert ticket.reason == "It burnt."
    assert TicketDraft.objects.count() == 0


def test_a_second_ticket_for_the_same_loss_is_refused_in_words(scene: dict[str, Any]) -> None:
    site: Site = scene["other"]
    browser = browser_of(scene["people"]["stranger"])
    _fill(browser, site)
    browser.post(reverse("desk:ticket-step", args=["value"]), {"text": site.value})
    site.open()
    answer = browser.post("/tickets/new/check/")
    assert answer.status_code == 409
    assert Ticket.objects.filter(source_unit=site.row).count() == 1


# Following a ticket


def test_the_queue_names_whose_move_it_is(scene: dict[str, Any]) -> None:
    content = browser_of(scene["people"]["clerk"]).get("/").content
    assert b"Sign the ticket document: 0 of 2 signatures are there." in content


def test_each_state_of_a_ticket_has_a_page_for_desk_and_customer(scene: dict[str, Any]) -> None:
    desk: Desk = scene["desk"]
    desk.to_restored(scene["other"])
    desk.to_ready(desk.site("third"))
    desk.to_released(desk.site("fourth"))
    states = set()
    for ticket in Ticket.objects.all():
        states.add(ticket.state)
        for person in (desk.clerk, User.objects.get(customer_id=ticket.customer_id)):
            answer = browser_of(person).get(reverse("desk:ticket", args=[ticket.pk]))
            assert answer.status_code == 200
            assert ticket.number.encode() in answer.content
    assert states == {"accepted", "ready", "shipped", "restored"}


def test_who_has_signed_is_not_asked_again(scene: dict[str, Any]) -> None:
    desk: Desk = scene["desk"]
    browser = browser_of(scene["people"]["approver"])
    assert b"Your move: Sign" in browser.get(_address("desk:ticket", ("ticket",), scene)).content
    text = desk.maker.approve(desk.attempt(scene["ticket"]).document, "bea")
    browser.post(_address("desk:ticket-approve", ("ticket",), scene), {"approval": text})
    page = browser.get(_address("desk:ticket", ("ticket",), scene)).content
    assert b"The approvers: Sign the ticket document: 1 of 2 signatures are there." in page
    assert b"You have approved this document." in page
    assert b"/move/cancel/" not in page  # an approver may not, so the button is not there


def test_whoever_waits_reads_where_the_move_is_made(scene: dict[str, Any]) -> None:
    contact = browser_of(scene["people"]["contact"])
    assert b"Each approver signs in here" in contact.get(_address("desk:ticket", ("ticket",), scene)).content
    released, *_ = scene["desk"].to_released(scene["other"])
    page = browser_of(scene["people"]["stranger"]).get(reverse("desk:ticket", args=[released.pk])).content
    assert b"itself: sign in there and open its page Recovery" in page


def test_the_page_where_one_signs_in_says_whose_door_it_is(scene: dict[str, Any]) -> None:
    assert b"contacts open and follow tickets here" in Client().get("/accounts/login/").content


def test_a_draft_that_holds_nothing_yet_is_not_mentioned(scene: dict[str, Any]) -> None:
    browser = browser_of(scene["people"]["stranger"])
    browser.get("/tickets/new/unit/")
    assert b"You have begun a ticket." not in browser.get("/").content
    _fill(browser, scene["other"])
    assert b"You have begun a ticket." in browser.get("/").content


def test_the_lodged_values_are_handed_in_with_one_press(scene: dict[str, Any]) -> None:
    browser = browser_of(scene["people"]["stranger"])
    _fill(browser, scene["other"])
    page = browser.get("/tickets/new/value/").content.decode()
    handed = re.search(r'<input type="hidden" name="text" value="([^"]+)">', page)
    assert handed is not None
    answer = browser.post("/tickets/new/value/", {"text": handed[1].replace("&#10;", "\n")})
    assert answer["Location"] == "/tickets/new/check/"
