"""Which accounts and tokens a person sees."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet

from accounts.models import ApiToken, User
from accounts.roles import administrators
from ground.refusals import Missing


def users_for(user: User) -> QuerySet[User]:
    """Everyone for who looks after people or audits; else oneself."""
    people = User.objects.prefetch_related("grants")
    if user.has_role(*administrators(), "auditor"):
        return people
    return people.filter(pk=user.pk)


def user_for(user: User, user_id: uuid.UUID | str) -> User:
    """One account; `Missing` if it is not there or not for this person."""
    found = users_for(user).filter(pk=_uuid(user_id)).first()
    if found is None:
        raise Missing(user=str(user_id))
    return found


def tokens_for(user: User) -> QuerySet[ApiToken]:
    """One's own tokens; everyone's for who looks after people."""
    tokens: QuerySet[ApiToken] = ApiToken.objects.select_related("user")
    return tokens if user.has_role(*administrators()) else tokens.filter(user=user)


def token_for(user: User, token_id: uuid.UUID | str) -> ApiToken:
    found = tokens_for(user).filter(id=_uuid(token_id)).first()
    if found is None:
        raise Missing(token=str(token_id))
    return found


def user_by_name(username: str) -> User | None:
    """For commands: the account of a username in any spelling."""
    from accounts.models import normal_username

    return User.objects.filter(username=normal_username(username)).first()


def _uuid(text: uuid.UUID | str) -> uuid.UUID:
    try:
        return uuid.UUID(str(text))
    except ValueError:
        raise Missing(id=str(text)) from None
