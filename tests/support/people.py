"""People for tests: accounts with roles, and clients signed in as them."""

from __future__ import annotations

from collections.abc import Callable

from rest_framework.test import APIClient

from accounts.actions import create_user, issue_token
from accounts.models import User
from audit.actor import Actor

PASSWORD = "correct horse battery staple"
MAKER = Actor.command("tests")
SignedIn = Callable[..., APIClient]


def person(*roles: str, username: str = "") -> User:
    """An account with these roles and the known password."""
    name = username or f"{'-'.join(roles) or 'nobody'}-{User.objects.count()}"
    user, _ = create_user(actor=MAKER, username=name, password=PASSWORD, roles=roles)
    return user


def client_of(user: User) -> APIClient:
    """A REST client with a token of this person."""
    _, text = issue_token(actor=MAKER, user=user, name="tests")
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


def sign_in(*roles: str, username: str = "") -> APIClient:
    return client_of(person(*roles, username=username))
