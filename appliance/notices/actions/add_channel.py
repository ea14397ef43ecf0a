"""Add a way to tell people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction

from appliance.notices.actions.renew_secret import put_secret
from appliance.notices.errors import ChannelNameTaken
from appliance.notices.models import CHOOSABLE, NoticeChannel
from appliance.notices.settings import checked_events, checked_settings
from audit.actor import Actor
from audit.log import record


def add_channel(
    *,
    actor: Actor,
    name: str,
    kind: str,
    settings: Mapping[str, Any],
    events: Sequence[str] = CHOOSABLE,
    allow_private: bool = False,
) -> tuple[NoticeChannel, str]:
    """The channel and, of a webhook, its secret: shown this once, never to be read again."""
    checked = checked_settings(kind, settings, allow_private=allow_private)
    chosen = checked_events(events)
    with transaction.atomic():
        try:
            with transaction.atomic():  # only the name may collide here
                channel = NoticeChannel.objects.create(
                    name=name.strip(),
                    kind=kind,
                    settings=checked,
                    events=chosen,
                    allow_private=allow_private and kind == NoticeChannel.Kind.WEBHOOK,
                )
        except IntegrityError as error:
            raise ChannelNameTaken(name=name.strip()) from error
        secret = put_secret(channel) if kind == NoticeChannel.Kind.WEBHOOK else ""
        facts = {
            "name": channel.name,
            "kind": kind,
            "settings": checked,
            "allow_private": channel.allow_private,
        }
        record("notices.channel-added", actor=actor, subject=f"notice-channel:{channel.pk}", facts=facts)
    return channel, secret
