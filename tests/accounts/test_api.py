"""REST of accounts: sign in, look after people, end tokens."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import ApiToken, User
from accounts.roles import administrators
from tests.support.people import PASSWORD, SignedIn, client_of, person

pytestmark = pytest.mark.django_db
ADMIN = administrators()[0]


@pytest.fixture(autouse=True)
def _no_failures_yet() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def ask_token(username: str, password: str, **more: str) -> Any:
    body = {"username": username, "password": password, **more}
    return APIClient().post("/api/v1/tokens", body, format="json")


@pytest.mark.parametrize(("name", "password"), [("ann", "wrong"), ("nobody-here", PASSWORD)])
def test_a_wrong_name_and_a_wrong_password_are_refused_alike(name: str, password: str) -> None:
    person(username="ann")
    answer = ask_token(name, password)
    assert (answer.status_code, answer.json()["code"]) == (401, "accounts.wrong-credentials")
    assert answer.json()["facts"] == {}


def test_a_closed_account_is_refused_like_a_wrong_password() -> None:
    user = person(username="ann")
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert ask_token("ann", PASSWORD).json()["code"] == "accounts.wrong-credentials"


def test_guessing_is_limited_even_for_the_right_password_afterwards() -> None:
    person(username="ann")
    codes = [ask_token("ann", f"wrong {number}").status_code for number in range(7)]
    assert codes[0] == 401
    assert codes[-1] == 429
    limited = ask_token("ann", PASSWORD)
    assert (limited.status_code, limited.json()["code"]) == (429, "accounts.too-many-attempts")
    assert limited["Retry-After"] == "300"


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer", "Bearer a b", "Basic YTpi", "Token x"])
def test_a_token_that_is_none_opens_nothing(header: str) -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=header)
    answer = client.get("/api/v1/me")
    assert (answer.status_code, answer.json()["code"]) == (401, "ground.unauthenticated")
    assert answer["WWW-Authenticate"] == "Bearer"
    assert answer["Content-Type"] == "application/problem+json"


def test_an_expired_token_opens_nothing() -> None:
    user = person()
    client = client_of(user)
    assert client.get("/api/v1/me").status_code == 200
    ApiToken.objects.filter(user=user).update(expiry=timezone.now() - dt.timedelta(seconds=1))
    assert client.get("/api/v1/me").status_code == 401


def test_name_and_password_give_a_token_that_works_until_it_is_ended() -> None:
    person("auditor", username="ann")
    answer = ask_token("Ann", PASSWORD, name="laptop")
    assert answer.status_code == 201
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['token']}")
    me = client.get("/api/v1/me").json()
    assert (me["username"], me["roles"]) == ("ann", ["auditor"])
    assert "password" not in me
    assert [token["name"] for token in client.get("/api/v1/tokens").json()["results"]] == ["laptop"]
    assert client.delete("/api/v1/tokens/current").status_code == 204
    assert client.get("/api/v1/me").status_code == 401


def test_a_session_needs_the_csrf_token_to_change_anything() -> None:
    user = person(ADMIN, username="ann")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert browser.get("/api/v1/me").status_code == 200
    answer = browser.post("/api/v1/users", {"username": "eve"}, content_type="application/json")
    assert answer.status_code == 403
    assert not User.objects.filter(username="eve").exists()


@pytest.mark.parametrize("role", ["", "auditor"])
def test_only_administrators_make_people(signed_in: SignedIn, role: str) -> None:
    client = signed_in(*filter(None, [role]))
    assert client.post("/api/v1/users", {"username": "eve"}).status_code == 403


def test_people_see_no_others_tokens(signed_in: SignedIn) -> None:
    token = ApiToken.objects.create(person(username="ann"), name="hers", issued_by="x")[0]
    client = signed_in()
    assert client.delete(f"/api/v1/tokens/{token.id}").status_code == 404
    assert ApiToken.objects.filter(pk=token.pk).exists()


@pytest.mark.parametrize("field", ["is_active", "id", "is_staff", "last_login", "created_at"])
def test_fields_that_were_not_asked_for_are_not_taken(signed_in: SignedIn, field: str) -> None:
    body = {"username": "eve", field: "00000000-0000-0000-0000-000000000001"}
    made = signed_in(ADMIN).post("/api/v1/users", body).json()
    assert made["is_active"] is True
    assert made["id"] != body[field]


def test_an_administrator_makes_edits_closes_and_opens_an_account(signed_in: SignedIn) -> None:
    client = signed_in(ADMIN)
    made = client.post("/api/v1/users", {"username": "Bob", "roles": ["auditor"]})
    assert made.status_code == 201
    assert ask_token("bob", made.json()["password"]).status_code == 201
    address = f"/api/v1/users/{made.json()['id']}"
    shown = client.get(address)
    edited = client.patch(address, {"display_name": "Robert"}, headers={"If-Match": shown["ETag"]})
    assert edited.json()["display_name"] == "Robert"
    stale = client.patch(address, {"display_name": "Bobby"}, headers={"If-Match": shown["ETag"]})
    assert (stale.status_code, stale.json()["code"]) == (412, "ground.stale")
    blind = client.patch(address, {"display_name": "Bobby"})
    assert (blind.status_code, blind.json()["code"]) == (412, "ground.precondition-missing")
    assert client.post(f"{address}/deactivate").json()["is_active"] is False
    assert client.post(f"{address}/activate").json()["is_active"] is True


def test_giving_a_role_asks_for_a_fresh_sign_in(signed_in: SignedIn) -> None:
    client = signed_in(ADMIN)
    address = f"/api/v1/users/{person(username='bob').id}/roles"
    assert client.post(address, {"role": "auditor"}).json()["roles"] == ["auditor"]
    assert client.delete(f"{address}/auditor").status_code == 204
    ApiToken.objects.update(created=timezone.now() - dt.timedelta(minutes=6))
    answer = client.post(address, {"role": "auditor"})
    assert (answer.status_code, answer.json()["code"]) == (401, "accounts.fresh-sign-in-needed")


def test_a_repeated_request_with_a_key_makes_one_person(signed_in: SignedIn) -> None:
    client = signed_in(ADMIN)
    body, headers = {"username": "bob"}, {"Idempotency-Key": "k1"}
    first = client.post("/api/v1/users", body, headers=headers)
    again = client.post("/api/v1/users", body, headers=headers)
    assert again.status_code == 201
    assert again.json() == first.json()
    assert again["Idempotent-Replay"] == "true"
    other = client.post("/api/v1/users", {"username": "eve"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "ground.idempotency-key-reused")
