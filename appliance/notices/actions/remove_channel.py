"""Remove a channel; what waits for it is not sent any more."""

from __future__ import annotations

from django.db import transaction

from appliance.notices.models import NoticeChannel
from audit.actor import Actor
from audit.log import record


def remove_channel(channel: NoticeChannel, *, actor: Actor) -> None:
    """The channel, its secret and its deliveries are gone; the notices stay."""
    with transaction.atomic():
        subject, facts = f"notice-channel:{channel.pk}", {"name": channel.name}
        record("notices.channel-removed", actor=actor, subject=subject, facts=facts)
        channel.delete()
