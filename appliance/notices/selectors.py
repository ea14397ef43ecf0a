"""What may be asked about notices. They are the unit's; only what somebody has read is a person's."""

from __future__ import annotations

import uuid
from typing import Any, Protocol, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Exists, Model, OuterRef, QuerySet

from appliance.notices.models import Notice, NoticeChannel, NoticeDelivery, NoticeRead
from ground.refusals import Missing

Row = TypeVar("Row", bound=Model)
MANY = 100  # unread notices; beyond that nobody counts


class Person(Protocol):
    """What is asked of a user."""

    pk: Any


def channels() -> QuerySet[NoticeChannel]:
    """All channels, by name."""
    return NoticeChannel.objects.all()


def channel(pk: uuid.UUID | str) -> NoticeChannel:
    """One channel, or `Missing`."""
    return _one(channels(), pk)


def notices() -> QuerySet[Notice]:
    """All notices, newest first."""
    return Notice.objects.all()


def notice(pk: uuid.UUID | str) -> Notice:
    """One notice, or `Missing`."""
    return _one(notices(), pk)


def notices_for(user: Person) -> QuerySet[Notice, Any]:
    """All notices, newest first, each with `is_read` by this person."""
    read = NoticeRead.objects.filter(notice=OuterRef("pk"), user_id=user.pk)
    return notices().annotate(is_read=Exists(read))


def unread(user: Person) -> QuerySet[Notice, Any]:
    """Notices this person has not read."""
    return notices_for(user).exclude(readings__user_id=user.pk)


def unread_count(user: Person) -> int:
    """How many, up to `MANY`: the number on the bell, which is on every page."""
    return unread(user)[:MANY].count()


def deliveries(of: Notice | None = None, channel: NoticeChannel | None = None) -> QuerySet[NoticeDelivery]:
    """Deliveries of a notice, over a channel, or all; newest first."""
    rows = NoticeDelivery.objects.select_related("channel", "notice")
    if of is not None:
        rows = rows.filter(notice=of)
    return rows if channel is None else rows.filter(channel=channel)


def _one(rows: QuerySet[Row], pk: uuid.UUID | str) -> Row:
    try:
        found = rows.filter(pk=pk).first()
    except ValidationError as error:
        raise Missing(id=str(pk)[:64]) from error
    if found is None:
        raise Missing(id=str(pk)[:64])
    return found
