"""A new secret for a webhook."""

from __future__ import annotations

import secrets

from django.db import transaction
from django.utils import timezone

from appliance.notices.errors import NoSecret
from appliance.notices.models import NoticeChannel
from appliance.unit.secrets import seal_secret
from audit.actor import Actor
from audit.log import record

SECRET_FIELD = "appliance_notices.NoticeChannel.sealed_secret"  # noqa: S105  (a field's name)


def renew_secret(channel: NoticeChannel, *, actor: Actor) -> str:
    """The new secret, shown this once; the old one signs nothing any more."""
    if channel.kind != NoticeChannel.Kind.WEBHOOK:
        raise NoSecret(channel=channel.name)
    with transaction.atomic():
        secret = put_secret(channel)
        record("notices.secret-renewed", actor=actor, subject=f"notice-channel:{channel.pk}")
    return secret


def put_secret(channel: NoticeChannel) -> str:
    """Make a secret of 256 bits and keep it sealed to the engine."""
    secret = secrets.token_urlsafe(32)
    channel.sealed_secret = seal_secret(SECRET_FIELD, channel.pk, secret.encode())
    channel.secret_made_at = timezone.now()
    channel.save(update_fields=["sealed_secret", "secret_made_at"])
    return secret
