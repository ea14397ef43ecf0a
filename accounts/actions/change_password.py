"""Passwords: people change their own, administrators set a fresh one. Either ends every token."""

from __future__ import annotations

from django.db import transaction

from accounts.actions.create_user import check_password_rules, fresh_password
from accounts.errors import WrongCredentials
from accounts.models import ApiToken, User
from audit.actor import Actor
from audit.log import record


def change_password(*, actor: Actor, user: User, old: str, new: str) -> None:
    """Change one's own password, knowing the old one."""
    if not user.check_password(old):
        raise WrongCredentials()
    check_password_rules(new, user)
    _store(actor, user, new, "accounts.password-changed")


def set_password(*, actor: Actor, user: User, password: str | None = None) -> str:
    """Set someone's password (a fresh one if none is given) and return it."""
    if password is None:
        password = fresh_password()
    else:
        check_password_rules(password, user)
    _store(actor, user, password, "accounts.password-set")
    return password


def _store(actor: Actor, user: User, password: str, action: str) -> None:
    user.set_password(password)  # sessions end with it: they are bound to the password's hash
    with transaction.atomic():
        user.save(update_fields=["password"])
        ApiToken.objects.filter(user=user).delete()
        record(action, actor=actor, subject=f"user:{user.id}")
