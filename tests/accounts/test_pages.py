"""Sign-in by page: closed sign-up, a new session at each sign-in, rights read per request."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.http import HttpRequest
from django.test import Client, RequestFactory

from accounts.errors import FreshSignInNeeded
from accounts.models import User
from accounts.permissions import SIGNED_IN_AT, require_fresh, role_required
from ground.refusals import Missing
from tests.support.people import PASSWORD, person

pytestmark = pytest.mark.django_db
LOGIN = "/accounts/login/"


@pytest.fixture(autouse=True)
def _no_failures_yet() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def page(request: HttpRequest) -> Any:
    """A page that everyone sees whom the decorator lets through."""
    return "page"


def test_nobody_signs_up() -> None:
    body = {"username": "eve", "password1": PASSWORD, "password2": PASSWORD}
    Client().post("/accounts/signup/", body)
    assert not User.objects.exists()


def test_guessing_on_the_page_is_limited() -> None:
    person(username="ann")
    browser = Client()
    for number in range(6):
        browser.post(LOGIN, {"login": "ann", "password": f"wrong {number}"})
    browser.post(LOGIN, {"login": "ann", "password": PASSWORD})
    assert "_auth_user_id" not in browser.session


def test_a_session_from_before_the_sign_in_is_not_the_one_after_it() -> None:
    person(username="ann")
    browser = Client()
    session = browser.session
    session["planted"] = "by an attacker"
    session.save()
    before = session.session_key
    browser.cookies[session.__class__.__name__] = before or ""
    answer = browser.post(LOGIN, {"login": "Ann", "password": PASSWORD})
    assert answer.status_code == 302
    assert browser.session["_auth_user_id"]
    assert browser.session.session_key != before


def test_a_role_taken_away_is_gone_at_the_next_request() -> None:
    user = person("auditor", username="ann")
    view = role_required("auditor")(page)
    request = RequestFactory().get("/")
    request.user = User.objects.get(pk=user.pk)
    assert view(request) == "page"
    user.grants.all().delete()
    request.user = User.objects.get(pk=user.pk)
    with pytest.raises(Missing):
        view(request)


def test_strangers_are_sent_to_sign_in() -> None:
    from django.contrib.auth.models import AnonymousUser

    request = RequestFactory().get("/somewhere?x=1")
    request.user = AnonymousUser()
    answer = role_required("auditor")(page)(request)
    assert answer["Location"] == "/accounts/login/?next=/somewhere%3Fx%3D1"


@pytest.mark.parametrize(
    "signed_in_at",
    [lambda: None, lambda: 0, lambda: "now", lambda: time.time() - 301, lambda: time.time() + 3600],
    ids=["missing", "long ago", "no number", "old", "future"],
)
def test_an_old_missing_or_future_sign_in_is_not_fresh(signed_in_at: Callable[[], object]) -> None:
    browser = Client()
    request = RequestFactory().get("/")
    request.session = browser.session
    request.session[SIGNED_IN_AT] = signed_in_at()
    with pytest.raises(FreshSignInNeeded):
        require_fresh(request)


def test_signing_in_counts_as_fresh_for_five_minutes() -> None:
    person(username="ann")
    browser = Client()
    browser.post(LOGIN, {"login": "ann", "password": PASSWORD})
    request = RequestFactory().get("/")
    request.session = browser.session
    require_fresh(request)
