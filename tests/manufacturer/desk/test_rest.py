"""The desk by REST: the journey, scopes, roles, the calls of units and of custody, and the description."""

from __future__ import annotations

import json
import uuid
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from accounts.models import User
from manufacturer.escrow.models import CustodyRequest
from manufacturer.rma.models import Ticket
from sealing.backupkey import BackupKey
from sealing.documents import authority_list, enrolment, ledger
from tests.support.desk import Desk, Site
from tests.support.maker import TOKEN, now

API = "/api/v1/"


def client(user: User | None = None) -> APIClient:
    made = APIClient()
    if user is not None:
        made.force_authenticate(user=user)
    return made


def post(who: APIClient, path: str, body: Any = None, *, status: int = 200) -> Any:
    answer = who.post(API + path, body or {}, format="json")
    assert answer.status_code == status, answer.content
    return answer.json()


def get(who: APIClient, path: str, *, status: int = 200) -> Any:
    answer = who.get(API + path)
    assert answer.status_code == status, answer.content
    return answer.json()


@pytest.fixture
def unit_api() -> APIClient:
    """A unit: nobody signed in; its documents speak for it."""
    return client()


@pytest.fixture
def custody_api() -> APIClient:
    made = APIClient()
    made.credentials(HTTP_AUTHORIZATION=f"Bearer {TOKEN}")
    return made


def test_the_whole_journey_by_rest(desk: Desk, unit_api: APIClient, custody_api: APIClient) -> None:
    site, clerk = desk.site("acme"), client(desk.clerk)
    contact = client(site.contact)
    ticket = post(contact, "tickets", {"text": site.value, "reason": "it burned"}, status=201)
    path = f"tickets/{ticket['id']}"
    assert ticket["state"] == "submitted"
    assert post(clerk, f"{path}/accept")["state"] == "accepted"
    made = desk.unit("acme-2")[0]
    taken = post(unit_api, "transfer-requests", {"request": made.request()}, status=202)
    post(clerk, f"{path}/request", {"serial": "acme-2"})
    for name in ("bea", "carl"):
        material = get(client(desk.approvers[name]), f"{path}/document")
        approval = desk.maker.approve(material["document"], name)
        state = post(client(desk.approvers[name]), f"{path}/approvals", {"approval": approval})["state"]
    assert state == "approved"
    (waiting,) = get(custody_api, "custody/requests?state=waiting")
    transfer = desk.maker.transfer(waiting["documents"])
    post(custody_api, f"custody/requests/{waiting['id']}/reply", {"outcome": "done", "transfer": transfer})
    assert get(custody_api, "custody/requests") == []
    post(clerk, f"{path}/shipment", {"carrier": "Post", "tracking": "T1"})
    post(contact, f"{path}/receipt")
    code = desk.code(Ticket.objects.get())
    collected = post(unit_api, "transfers/collect", {"request_digest": taken["digest"], "code": code})
    assert collected == {"transfer": transfer}
    assert post(unit_api, "installations", {"receipt": made.install(transfer)})["state"] == "installed"
    value = made.value(site.owner, BackupKey.generate(2))
    post(unit_api, "values", {"value": value}, status=201)
    drill = post(unit_api, "drills", {"request": made.drill(site.owner, value)}, status=202)
    assert get(unit_api, f"drills/{drill['id']}") == {"state": "waiting", "proof": None}
    (asked,) = get(custody_api, "custody/requests")
    proof = desk.maker.proof(asked["documents"]["request"])
    post(custody_api, f"custody/requests/{asked['id']}/reply", {"outcome": "done", "proof": proof})
    assert get(unit_api, f"drills/{drill['id']}") == {"state": "proven", "proof": proof}
    post(unit_api, "heads", {"head": made.head(site.owner, site.target, 1)}, status=201)
    report = made.report(site.owner, ticket["id"], transfer)
    assert post(unit_api, "recovery-reports", {"report": report})["state"] == "restored"
    assert post(clerk, f"{path}/close")["state"] == "closed"
    shown = get(contact, path)
    assert [check["done"] for check in shown["closeout"]] == [True] * 4
    assert shown["attempts"][0]["approved_by"] == ["bea", "carl"]


def test_registry_by_rest(desk: Desk) -> None:
    clerk = client(desk.clerk)
    customer = post(clerk, "customers", {"name": "Acme", "contact_email": "a@b.example"}, status=201)
    appliance = post(clerk, "appliances", {"customer": customer["id"], "name": "cloud"}, status=201)
    made = desk.maker.unit("R-1")
    unit = post(clerk, "units", {"bundle": made.bundle()}, status=201)
    assert unit["state"] == "in_stock"
    body = {"customer": customer["id"], "appliance": appliance["id"]}
    assert post(clerk, f"units/{unit['id']}/assign", body)["state"] == "shipped"
    text = get(client(), f"enrolments/{unit['certificate_thumbprint']}")["enrolment"]
    found = enrolment.read(text, desk.maker.trust)
    found.require_unit(made.certificate)
    assert (found.customer.id, found.appliance.id) == (customer["id"], appliance["id"])
    again = post(clerk, "units", {"bundle": made.bundle()}, status=409)
    assert again["code"] == "units.already-enrolled"
    assert post(clerk, f"units/{unit['id']}/end", {"how": "failed"})["withdrawn_reason"] == "failed"
    assert (
        get(client(), f"enrolments/{unit['certificate_thumbprint']}", status=404)["code"] == "ground.missing"
    )


def test_an_appliance_of_another_customer_is_refused(desk: Desk) -> None:
    clerk, mine, theirs = client(desk.clerk), desk.site("acme"), desk.site("bell")
    unit = post(clerk, "units", {"bundle": desk.maker.unit("R-1").bundle()}, status=201)
    body = {"customer": str(mine.customer.pk), "appliance": str(theirs.appliance.pk)}
    assert post(clerk, f"units/{unit['id']}/assign", body, status=409)["code"] == "units.owner-mismatch"


def test_two_customers_do_not_share_a_reference(desk: Desk) -> None:
    clerk, body = client(desk.clerk), {"name": "Acme", "reference": "C-1"}
    post(clerk, "customers", body, status=201)
    assert post(clerk, "customers", body, status=409)["code"] == "customers.reference-taken"


@pytest.mark.parametrize(("start", "to"), [("in_service", "in_stock"), ("in_service", "returned")])
def test_a_unit_takes_no_arrow_that_is_not_its_own(desk: Desk, start: str, to: str) -> None:
    site = desk.site("acme")
    assert site.row.state == start
    answer = post(client(desk.clerk), f"units/{site.row.pk}/move", {"to": to}, status=409)
    assert answer["code"] == "units.move-not-allowed"


def test_the_authority_list_is_public_and_its_entries_are_shown(desk: Desk) -> None:
    text = get(client(), "authority")["list"]
    assert authority_list.read(text, desk.maker.trust.root).version == 1
    uses = sorted(row["use"] for row in get(client(desk.clerk), "authority-keys"))
    assert uses == ["custody", "device-authority", "escrow", "escrow", "front-desk"]


def test_without_a_ceremony_the_desk_says_so(db: None) -> None:
    assert get(client(), "authority", status=503)["code"] == "desk.no-ceremony"
    assert post(client(), "values", {"value": "a.b.c"}, status=503)["code"] == "desk.no-ceremony"


# --- scopes -------------------------------------------------------------------------------------------------


@pytest.fixture
def two(desk: Desk) -> tuple[Site, Site]:
    return desk.site("acme"), desk.site("bell")


def test_a_contact_sees_their_own_customers_things_alone(desk: Desk, two: tuple[Site, Site]) -> None:
    mine, theirs = two
    theirs_ticket = theirs.open()
    contact = client(mine.contact)
    for path, count in (("customers", 1), ("appliances", 1), ("units", 1), ("values", 1), ("tickets", 0)):
        assert len(get(contact, path)["results"]) == count
    foreign = [
        f"customers/{theirs.customer.pk}",
        f"appliances/{theirs.appliance.pk}",
        f"units/{theirs.row.pk}",
        f"values/{theirs.lodged.pk}",
        f"tickets/{theirs_ticket.pk}",
        f"tickets/{theirs_ticket.pk}/document",
        f"tickets/{theirs_ticket.pk}/moves",
        f"tickets/{uuid.uuid4()}",
    ]
    codes = {get(contact, path, status=404)["code"] for path in foreign}
    assert codes == {"ground.missing"}
    for verb in ("cancel", "receipt", "code"):
        assert post(contact, f"tickets/{theirs_ticket.pk}/{verb}", status=404)["code"] == "ground.missing"


def test_a_person_without_a_role_sees_nothing(desk: Desk, two: tuple[Site, Site]) -> None:
    nobody = client(desk.person("nobody"))
    for path in ("customers", "units", "values", "tickets", "ledger", "authority-keys"):
        assert get(nobody, path, status=403)["code"] == "ground.forbidden"


def test_nobody_reads_without_signing_in(desk: Desk) -> None:
    for path in ("customers", "units", "values", "heads", "drills", "tickets", "ledger", "transfer-requests"):
        assert get(client(), path, status=401)["code"] == "ground.unauthenticated"


CLERKS_ALONE = ("accept", "refuse", "edit", "request", "shipment", "reissue", "close")


@pytest.mark.parametrize("role", ["approver", "custodian", "auditor", "contact"])
@pytest.mark.parametrize("verb", CLERKS_ALONE)
def test_what_clerks_do_nobody_else_does(desk: Desk, role: str, verb: str) -> None:
    site = desk.site("acme")
    ticket = site.open()
    customer = {"contact": site.customer.pk}.get(role)
    person = client(desk.person(f"a-{role}", role, customer_id=customer))
    assert post(person, f"tickets/{ticket.pk}/{verb}", status=403)["code"] == "ground.forbidden"
    ticket.refresh_from_db()
    assert ticket.state == "submitted"


@pytest.mark.parametrize("role", ["clerk", "custodian", "auditor"])
def test_approvals_are_handed_in_by_approvers_alone(desk: Desk, role: str) -> None:
    ticket = desk.accept(desk.site("acme").open())
    desk.reserve(ticket, "acme-2")
    body = {"approval": desk.maker.approve(desk.attempt(ticket).document, "bea")}
    person = client(desk.person(f"a-{role}", role))
    assert post(person, f"tickets/{ticket.pk}/approvals", body, status=403)["code"] == "ground.forbidden"


def test_mass_assignment_changes_no_state(desk: Desk) -> None:
    site = desk.site("acme")
    body = {"text": site.value, "state": "approved", "opened_by": "bea", "customer": str(uuid.uuid4())}
    made = post(client(site.contact), "tickets", body, status=201)
    assert (made["state"], made["opened_by"], made["customer"]) == (
        "submitted",
        "acme-ada",
        str(site.customer.pk),
    )
    path = API + f"tickets/{made['id']}"
    assert {client(desk.clerk).put(path).status_code, client(desk.clerk).patch(path).status_code} == {405}
    assert client(desk.clerk).delete(path).status_code == 405


# --- custody ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["", "Bearer", "Bearer wrong", "Token a-token-for-tests", "Bearer a b"])
def test_only_custodys_token_pulls(desk: Desk, token: str) -> None:
    stranger = APIClient()
    stranger.credentials(HTTP_AUTHORIZATION=token)
    for path in ("custody/requests",):
        assert stranger.get(API + path).status_code == 401
    reply = stranger.post(API + f"custody/requests/{uuid.uuid4()}/reply", {}, format="json")
    book = stranger.post(API + "custody/ledger", {"entries": []}, format="json")
    assert (reply.status_code, book.status_code) == (401, 401)


def test_people_do_not_speak_for_custody(desk: Desk) -> None:
    assert client(desk.clerk).get(API + "custody/requests").status_code == 403


def test_custodys_ledger_is_countersigned_over_rest(desk: Desk, custody_api: APIClient) -> None:
    entry = ledger.LedgerEntry(
        sequence=1,
        previous=None,
        iat=now(),
        kind="void",
        phase="result",
        outcome="done",
        request=None,
        customer=None,
        subject="x",
        values=(),
    )
    text = ledger.issue(entry, desk.maker.custody_signer)
    signed = post(custody_api, "custody/ledger", {"entries": [text]})["countersignatures"]
    digest = ledger.digest(text)
    ledger.read_countersignature(signed[digest], desk.maker.trust, sequence=1, entry=digest)


def test_an_unknown_request_cannot_be_answered(desk: Desk, custody_api: APIClient) -> None:
    answer = post(custody_api, f"custody/requests/{uuid.uuid4()}/reply", {"outcome": "refused"}, status=404)
    assert answer["code"] == "ground.missing"
    assert not CustodyRequest.objects.exists()


# --- bodies -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["values", "heads", "drills", "transfer-requests", "installations"])
@pytest.mark.parametrize("body", [{}, [], "x", {"value": True}, {"value": {}, "head": [], "request": None}])
def test_a_body_of_another_shape_is_invalid(desk: Desk, path: str, body: Any) -> None:
    answer = client().post(API + path, json.dumps(body), content_type="application/json")
    assert answer.status_code == 422
    assert answer.json()["code"] == "ground.invalid"


def test_the_description_has_no_warnings(db: None) -> None:
    out, err = StringIO(), StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out, stderr=err)
    assert "/api/v1/tickets/{id}/approvals" in out.getvalue()
    assert err.getvalue() == ""
