"""Give and take roles."""

from __future__ import annotations

from django.db import transaction

from accounts.errors import LastAdministrator, UnknownRole
from accounts.models import RoleGrant, User
from accounts.roles import administrators, roles_here
from audit.actor import Actor
from audit.log import record


def grant_role(*, actor: Actor, user: User, role: str) -> RoleGrant:
    """Give `user` a role of this site; harmless if they have it."""
    if role not in roles_here():
        raise UnknownRole(role=role, roles=sorted(roles_here()))
    with transaction.atomic():
        grant, fresh = RoleGrant.objects.get_or_create(
            user=user, role=role, defaults={"granted_by": str(actor)}
        )
        if fresh:
            record("accounts.role-granted", actor=actor, subject=f"user:{user.id}", facts={"role": role})
    user.forget_roles()
    return grant


def revoke_role(*, actor: Actor, user: User, role: str) -> None:
    """Take a role away; the last administrator keeps theirs."""
    with transaction.atomic():
        if role in administrators():
            refuse_last_administrator(user)
        taken, _ = RoleGrant.objects.filter(user=user, role=role).delete()
        if taken:
            record("accounts.role-revoked", actor=actor, subject=f"user:{user.id}", facts={"role": role})
    user.forget_roles()


def refuse_last_administrator(user: User) -> None:
    """Refuse if nobody but `user` could look after accounts. Inside the caller's transaction."""
    holders = RoleGrant.objects.filter(role__in=administrators(), user__is_active=True)
    if holders.filter(user=user).exists() and not holders.exclude(user=user).exists():
        raise LastAdministrator()
