"""Accounts: who may be made, what they may be given, and what ends with what."""

from __future__ import annotations

import pytest

from accounts import actions
from accounts.errors import LastAdministrator, PasswordRefused, UnknownRole, UsernameTaken, WrongCredentials
from accounts.models import ApiToken, User
from accounts.roles import administrators, roles_here
from audit.models import Event
from ground.refusals import Invalid
from tests.support.people import MAKER, PASSWORD, person

pytestmark = pytest.mark.django_db
ADMIN = administrators()[0]


@pytest.mark.parametrize("name", ["", " ", "two words", "tab\there", "line\nbreak", "x" * 151])
def test_a_username_that_cannot_be_shown_or_typed_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        actions.create_user(actor=MAKER, username=name)


@pytest.mark.parametrize("other", ["Ann", "ANN", " ann ", "\uff41nn"])
def test_a_name_is_taken_in_any_spelling(other: str) -> None:
    actions.create_user(actor=MAKER, username="ann")
    with pytest.raises(UsernameTaken):
        actions.create_user(actor=MAKER, username=other)


@pytest.mark.parametrize("password", ["shortest", "password1234", "123456789012345", "ann-ann-ann-ann"])
def test_a_weak_password_is_refused(password: str) -> None:
    with pytest.raises(PasswordRefused) as refused:
        actions.create_user(actor=MAKER, username="ann-ann-ann-ann", password=password)
    assert refused.value.facts["reasons"]
    assert password not in str(refused.value)


def test_a_role_of_the_other_side_is_refused_and_nobody_is_made() -> None:
    with pytest.raises(UnknownRole):
        actions.create_user(actor=MAKER, username="ann", roles=["emperor"])
    assert not User.objects.exists()


def test_a_fresh_password_opens_the_account_and_stands_nowhere_else() -> None:
    user, password = actions.create_user(actor=MAKER, username="ann", roles=[ADMIN])
    assert len(password) == 27
    assert user.check_password(password)
    assert password not in "".join(Event.objects.values_list("facts_json", flat=True))
    assert actions.create_user(actor=MAKER, username="bob")[1] != password


def test_roles_are_rows_that_name_who_gave_them() -> None:
    user = person(ADMIN, "auditor")
    assert user.roles == {ADMIN, "auditor"}
    assert user.has_role("auditor", "other")
    assert not user.has_role("other")
    assert {grant.granted_by for grant in user.grants.all()} == {"command:tests"}
    assert set(roles_here()) >= user.roles


def test_a_closed_account_holds_no_role() -> None:
    person(ADMIN, username="stays")
    user = person(ADMIN, username="goes")
    actions.deactivate_user(actor=MAKER, user=user)
    assert User.objects.get(pk=user.pk).roles == frozenset()
    assert not ApiToken.objects.filter(user=user).exists()
    actions.activate_user(actor=MAKER, user=user)
    assert User.objects.get(pk=user.pk).has_role(ADMIN)


def test_the_last_administrator_keeps_role_and_account() -> None:
    only = person(ADMIN)
    with pytest.raises(LastAdministrator):
        actions.revoke_role(actor=MAKER, user=only, role=ADMIN)
    with pytest.raises(LastAdministrator):
        actions.deactivate_user(actor=MAKER, user=only)
    person(ADMIN)
    actions.revoke_role(actor=MAKER, user=only, role=ADMIN)
    assert not only.has_role(ADMIN)


def test_a_token_is_stored_as_a_digest_and_shown_once() -> None:
    user = person()
    token, text = actions.issue_token(actor=MAKER, user=user, name="script")
    row = ApiToken.objects.filter(pk=token.pk).values().get()
    assert text not in str(row)
    assert len(token.digest) == 128
    assert str(token) == "script"
    assert text not in repr(token)


def test_a_changed_password_ends_every_token() -> None:
    user = person()
    actions.issue_token(actor=MAKER, user=user, name="script")
    with pytest.raises(WrongCredentials):
        actions.change_password(actor=MAKER, user=user, old="wrong", new="another good passphrase")
    assert ApiToken.objects.filter(user=user).exists()
    actions.change_password(actor=MAKER, user=user, old=PASSWORD, new="another good passphrase")
    assert not ApiToken.objects.filter(user=user).exists()


def test_every_action_leaves_an_event() -> None:
    user = person(ADMIN)
    token, _ = actions.issue_token(actor=MAKER, user=user, name="script")
    actions.revoke_token(actor=MAKER, token=token)
    actions.set_password(actor=MAKER, user=user)
    actions.edit_user(actor=MAKER, user=user, display_name="Ann")
    recorded = list(Event.objects.order_by("sequence").values_list("action", flat=True))
    assert recorded == [
        "accounts.created",
        "accounts.role-granted",
        "accounts.token-issued",
        "accounts.token-revoked",
        "accounts.password-set",
        "accounts.edited",
    ]
