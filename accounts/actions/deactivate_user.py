"""Close an account, or open it again; the row stays, so that events keep their meaning."""

from __future__ import annotations

from django.db import transaction

from accounts.actions.grant_role import refuse_last_administrator
from accounts.models import ApiToken, User
from audit.actor import Actor
from audit.log import record


def deactivate_user(*, actor: Actor, user: User) -> None:
    """Close an account: its sessions and tokens end at once. The last administrator's is not closed."""
    with transaction.atomic():
        refuse_last_administrator(user)
        if User.objects.filter(pk=user.pk, is_active=True).update(is_active=False):
            ApiToken.objects.filter(user=user).delete()
            record("accounts.deactivated", actor=actor, subject=f"user:{user.id}")
    user.is_active = False
    user.forget_roles()


def activate_user(*, actor: Actor, user: User) -> None:
    """Open a closed account again."""
    with transaction.atomic():
        if User.objects.filter(pk=user.pk, is_active=False).update(is_active=True):
            record("accounts.activated", actor=actor, subject=f"user:{user.id}")
    user.is_active = True
    user.forget_roles()
