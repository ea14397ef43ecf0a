"""Tokens for programs: shown once, stored as a digest."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from knox.settings import knox_settings

from accounts.models import ApiToken, User
from audit.actor import Actor
from audit.log import record

DEFAULT = object()


def issue_token(
    *, actor: Actor, user: User, name: str, expiry: dt.timedelta | object | None = DEFAULT
) -> tuple[ApiToken, str]:
    """Issue a token for `user` and return it with its text, which is shown this once.

    `expiry` is how long it lives (default 90 days); None: until it is revoked.
    """
    life = knox_settings.TOKEN_TTL if expiry is DEFAULT else expiry
    with transaction.atomic():
        token, text = ApiToken.objects.create(
            user, expiry=life, name=name[:100] or "unnamed", issued_by=str(actor)[:200]
        )
        record(
            "accounts.token-issued",
            actor=actor,
            subject=f"user:{user.id}",
            facts={"token": str(token.id), "name": token.name, "expires": token.expiry},
        )
    return token, text


def revoke_token(*, actor: Actor, token: ApiToken) -> None:
    """End a token at once."""
    with transaction.atomic():
        taken, _ = ApiToken.objects.filter(pk=token.pk).delete()
        if taken:
            record(
                "accounts.token-revoked",
                actor=actor,
                subject=f"user:{token.user_id}",
                facts={"token": str(token.id), "name": token.name},
            )
