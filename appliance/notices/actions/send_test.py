"""Try a channel."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.utils import timezone

from appliance.notices.models import Event, Notice, NoticeChannel, NoticeDelivery
from appliance.notices.raising import send_to
from appliance.unit.errors import OutboundPaused
from appliance.unit.selectors import is_outbound_allowed
from audit.actor import Actor
from audit.log import record


def send_test(channel: NoticeChannel, *, actor: Actor) -> NoticeDelivery:
    """A test notice over this channel alone, sent even if the channel is switched off; its delivery's row
    tells what came of it."""
    if not is_outbound_allowed():
        raise OutboundPaused()
    with transaction.atomic():
        moment = timezone.now()
        notice = Notice.objects.create(
            event=Event.TEST,
            key=f"test:{uuid.uuid4()}",
            about=f"notice-channel:{channel.pk}",
            subject=f"Test of the channel {channel.name}",
            consequence="Nothing is wrong: somebody wanted to know whether notices arrive here.",
            next_step="Nothing needs to be done.",
            facts={"asked_by": actor.name},
            raised_at=moment,
            resolved_at=moment,
        )
        record("notices.test", actor=actor, subject=f"notice-channel:{channel.pk}")
        return send_to(channel, notice, now=moment)
