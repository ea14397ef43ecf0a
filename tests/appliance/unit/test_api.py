"""REST of the unit: strangers and wrong roles first."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from appliance.unit.engine.follow import follow
from appliance.unit.models import Unit
from audit.actor import Actor
from tests.appliance.unit.test_actions import SAID
from tests.support.people import sign_in

pytestmark = pytest.mark.django_db
CALLS = [
    ("get", "unit", ("admin", "auditor", "member", "recovery-operator")),
    ("get", "settings", ("admin", "auditor", "recovery-operator")),
    ("put", "settings", ("admin", "recovery-operator")),
    ("post", "unit/installation", ("admin", "recovery-operator")),
    ("post", "unit/authority-list", ("admin", "recovery-operator")),
    ("post", "unit/outbound", ("admin",)),
    ("post", "unit/tamper", ("admin",)),
]
ROLES = ("admin", "auditor", "member", "recovery-operator")


@pytest.fixture
def row() -> Unit:
    made = follow(SAID, actor=Actor.system("tests"))
    assert made is not None
    return made


def call(client: APIClient, method: str, path: str, body: Any = None) -> Any:
    return getattr(client, method)(f"/api/v1/{path}", body or {}, format="json")


@pytest.mark.parametrize(("method", "path", "_roles"), CALLS)
def test_a_stranger_gets_nothing(row: Unit, method: str, path: str, _roles: Any) -> None:
    answer = call(APIClient(), method, path)
    assert (answer.status_code, answer.json()["code"]) == (401, "ground.unauthenticated")


@pytest.mark.parametrize(
    ("method", "path", "role"), [(m, p, r) for m, p, allowed in CALLS for r in ROLES if r not in allowed]
)
def test_other_roles_are_forbidden(row: Unit, method: str, path: str, role: str) -> None:
    answer = call(sign_in(role), method, path)
    assert (answer.status_code, answer.json()["code"]) == (403, "ground.forbidden")


def test_before_the_factory_the_unit_says_what_to_do() -> None:
    answer = call(sign_in("admin"), "get", "unit")
    assert (answer.status_code, answer.json()["code"]) == (409, "unit.not-initialised")
    assert answer.json()["next_step"]


def test_the_unit_shows_identity_and_no_document(row: Unit) -> None:
    body = call(sign_in("member"), "get", "unit").json()
    assert (body["serial"], body["state"], body["vault_class"]) == ("78-T0001", "blank", "software")
    assert not {"device_record", "authority_list", "spool_public_key"} & set(body)


def test_a_wrong_desk_address_is_refused_and_a_right_one_kept(row: Unit) -> None:
    client = sign_in("admin")
    answer = call(client, "put", "settings", {"desk_url": "http://desk.example"})
    assert (answer.status_code, answer.json()["code"]) == (422, "unit.desk-address-refused")
    assert call(client, "put", "settings", {"desk_url": "https://desk.example"}).status_code == 200
    assert call(client, "get", "settings").json() == {"desk_url": "https://desk.example"}


def test_an_installation_answers_with_its_job_and_once_per_key(row: Unit) -> None:
    client = sign_in("admin")
    answers = [
        client.post(
            "/api/v1/unit/installation",
            {"enrolment": "a.b.c"},
            format="json",
            HTTP_IDEMPOTENCY_KEY="once",
        )
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert answers[0].headers["Location"].endswith(answers[0].json()["id"])


def test_a_tamper_asks_for_the_serial_number_typed_again(row: Unit) -> None:
    client = sign_in("admin")
    answer = call(client, "post", "unit/tamper", {"why": "lid", "serial": "78-OTHER"})
    assert answer.status_code == 422
    answer = call(client, "post", "unit/tamper", {"why": "lid", "serial": "78-T0001"})
    assert answer.status_code == 202


def test_outbound_work_is_confirmed(row: Unit) -> None:
    Unit.objects.update(outbound_paused=True)
    assert call(sign_in("admin"), "post", "unit/outbound").json()["outbound_paused"] is False
