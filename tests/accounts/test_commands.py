"""Commands that make accounts and tokens print their secrets once."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from accounts.roles import administrators
from tests.support.people import PASSWORD, client_of

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_an_unknown_role_is_refused_with_what_there_is() -> None:
    with pytest.raises(CommandError, match=r"accounts\.unknown-role"):
        run("create_account", "ann", "--role", "emperor")


def test_a_token_for_nobody_is_refused() -> None:
    with pytest.raises(CommandError, match="no active account"):
        run("issue_token", "nobody")


def test_an_account_is_made_with_password_and_token() -> None:
    role = administrators()[0]
    made = json.loads(run("create_account", "Ann", "--role", role, "--token", "laptop", "--json"))
    user = User.objects.get(username="ann")
    assert user.check_password(made["password"])
    assert made["roles"] == [role]
    assert client_of(user).get("/api/v1/me").json()["id"] == made["id"]
    text = json.loads(run("issue_token", "ANN", "--json"))
    assert text["token"] != made["token"]
    assert text["expires_at"] is not None


def test_a_given_password_comes_by_standard_input_and_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))
    assert PASSWORD not in run("create_account", "ann", "--password-stdin")
    assert User.objects.get(username="ann").check_password(PASSWORD)
