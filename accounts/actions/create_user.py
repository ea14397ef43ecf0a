"""Make an account; nobody makes their own."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.actions.grant_role import grant_role
from accounts.errors import PasswordRefused, UsernameTaken
from accounts.models import User, normal_username
from audit.actor import Actor
from audit.log import record
from ground.refusals import Invalid

MAX_USERNAME = 150


def create_user(
    *,
    actor: Actor,
    username: str,
    password: str | None = None,
    email: str = "",
    display_name: str = "",
    roles: Iterable[str] = (),
    customer_id: uuid.UUID | None = None,
) -> tuple[User, str]:
    """Make an account and return it with its password, freshly made if none was given.

    The password is returned this once; only its hash is stored. Refuses a taken name, an unknown role and
    a password that breaks the rules.
    """
    name = normal_username(username)
    if not name or len(name) > MAX_USERNAME or not name.isprintable() or any(c.isspace() for c in name):
        raise Invalid(fields={"username": ["1 to 150 printable characters without blanks"]})
    user = User(username=name, email=email, display_name=display_name, customer_id=customer_id)
    if password is None:
        password = fresh_password()
    else:
        check_password_rules(password, user)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
            record(
                "accounts.created",
                actor=actor,
                subject=f"user:{user.id}",
                facts={"username": name, "customer_id": customer_id},
            )
            for role in roles:
                grant_role(actor=actor, user=user, role=role)
    except IntegrityError:
        raise UsernameTaken(username=name) from None
    return user, password


def fresh_password() -> str:
    """120 random bits in characters that survive being read aloud."""
    letters = "abcdefghijkmnpqrstuvwxyz23456789"  # 32 letters: 5 bits each
    return "-".join("".join(secrets.choice(letters) for _ in range(6)) for _ in range(4))


def check_password_rules(password: str, user: User) -> None:
    """Refuse a password that breaks the site's rules."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise PasswordRefused(reasons=list(error.messages)) from None
