"""Change a channel, or silence it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction

from appliance.notices.errors import ChannelNameTaken
from appliance.notices.models import NoticeChannel
from appliance.notices.settings import checked_events, checked_settings
from audit.actor import Actor
from audit.log import record


def edit_channel(
    channel: NoticeChannel,
    *,
    actor: Actor,
    name: str | None = None,
    settings: Mapping[str, Any] | None = None,
    events: Sequence[str] | None = None,
    allow_private: bool | None = None,
    enabled: bool | None = None,
) -> NoticeChannel:
    """What is not given stays. Kind and secret are not changed here."""
    private = channel.allow_private if allow_private is None else allow_private
    given = channel.settings if settings is None else settings
    # Settings are checked again whatever changed: without private addresses an address may no longer do.
    changed: dict[str, Any] = {
        "settings": checked_settings(channel.kind, given, allow_private=private),
        "allow_private": private and channel.kind == NoticeChannel.Kind.WEBHOOK,
    }
    if name is not None:
        changed["name"] = name.strip()
    if events is not None:
        changed["events"] = checked_events(events)
    if enabled is not None:
        changed["enabled"] = enabled
    changed = {field: value for field, value in changed.items() if getattr(channel, field) != value}
    if not changed:
        return channel
    with transaction.atomic():
        for field, value in changed.items():
            setattr(channel, field, value)
        try:
            with transaction.atomic():
                channel.save(update_fields=list(changed))
        except IntegrityError as error:
            raise ChannelNameTaken(name=channel.name) from error
        record("notices.channel-edited", actor=actor, subject=f"notice-channel:{channel.pk}", facts=changed)
    return channel
