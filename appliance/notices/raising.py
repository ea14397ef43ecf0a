"""Raising and closing troubles. Rows only: whoever finds a trouble, in the web tier or in a worker, says so
here inside its own transaction, and the deliveries are sent from there on by themselves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from appliance.notices.models import Event, Notice, NoticeChannel, NoticeDelivery
from audit.actor import Actor
from audit.log import record

REMIND_AFTER: Final = dt.timedelta(hours=24)  # a trouble that stays is told again once a day
_ACTOR: Final = Actor.system("notices")


def raise_notice(
    event: str,
    *,
    key: str,
    subject: str,
    consequence: str = "",
    next_step: str = "",
    about: str = "",
    facts: Mapping[str, Any] | None = None,
    now: dt.datetime | None = None,
) -> Notice:
    """Say that something is wrong; the trouble's row.

    While a trouble of this `key` is open, it is counted up and brought up to date, and told again at most
    once a day. Texts become one line each; they hold no secret.
    """
    moment = now or timezone.now()
    words: dict[str, Any] = {
        "event": event,
        "about": _line(about, 200),
        "subject": _line(subject, 200),
        "consequence": _line(consequence, 1000),
        "next_step": _line(next_step, 1000),
        "facts": dict(facts or {}),
    }
    with transaction.atomic():
        try:
            with transaction.atomic():
                notice = Notice.objects.create(
                    key=key[:200], raised_at=moment, last_at=moment, told_at=moment, **words
                )
        except IntegrityError:
            return _again(key[:200], words, moment)
        _record("notices.raised", notice)
        _send(notice, moment)
    return notice


def resolve_notice(
    key: str, *, subject: str, consequence: str = "", now: dt.datetime | None = None
) -> Notice | None:
    """Say that the open trouble of this `key` is over; the notice of that, or None if none was open."""
    moment = now or timezone.now()
    with transaction.atomic():
        trouble = Notice.objects.filter(key=key[:200], resolved_at=None).first()
        if trouble is None:
            return None
        if not Notice.objects.filter(pk=trouble.pk, resolved_at=None).update(resolved_at=moment):
            return None  # another process was first
        over = Notice.objects.create(
            event=Event.RECOVERY,
            key=f"recovery:{trouble.pk}",
            about=trouble.about,
            subject=_line(subject, 200),
            consequence=_line(consequence, 1000),
            facts={"trouble": str(trouble.pk), "was": trouble.subject, "count": trouble.count},
            raised_at=moment,
            last_at=moment,
            told_at=moment,
            resolved_at=moment,
        )
        _record("notices.resolved", trouble)
        # Who was told of the trouble is told of its end, and nobody else.
        _send(over, moment, among=list(trouble.deliveries.values_list("channel_id", flat=True)))
    return over


def send_to(channel: NoticeChannel, notice: Notice, *, now: dt.datetime | None = None) -> NoticeDelivery:
    """One delivery of a notice over one channel, whatever the channel chose to hear."""
    return NoticeDelivery.objects.create(
        notice=notice, channel=channel, due_at=now or timezone.now(), round=_round(notice)
    )


def _again(key: str, words: Mapping[str, Any], moment: dt.datetime) -> Notice:
    open_ones = Notice.objects.filter(key=key, resolved_at=None)
    open_ones.update(count=F("count") + 1, last_at=moment, **words)
    # The comparison with the time it last went out is the one CAS of the reminder.
    reminded = open_ones.filter(told_at__lte=moment - REMIND_AFTER).update(told_at=moment)
    notice = open_ones.get()
    if reminded:
        notice.readings.all().delete()
        _send(notice, moment)
    return notice


def _send(notice: Notice, moment: dt.datetime, among: list[Any] | None = None) -> None:
    channels = NoticeChannel.objects.filter(enabled=True)
    if among is not None:
        channels = channels.filter(pk__in=among)
    number = _round(notice)
    NoticeDelivery.objects.bulk_create(
        NoticeDelivery(notice=notice, channel=channel, due_at=moment, round=number)
        for channel in channels
        # A channel is not told over itself that it does not work.
        if notice.event in channel.events and notice.about != f"notice-channel:{channel.pk}"
    )


def _round(notice: Notice) -> int:
    newest = notice.deliveries.order_by("-round").values_list("round", flat=True).first()
    return (newest or 0) + 1


def _record(action: str, notice: Notice) -> None:
    facts = {"event": notice.event, "subject": notice.subject, "about": notice.about}
    record(action, actor=_ACTOR, subject=f"notice:{notice.pk}", facts=facts)


def _line(text: str, most: int) -> str:
    """One line, without anything a mail header or a terminal would obey."""
    shown = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"
