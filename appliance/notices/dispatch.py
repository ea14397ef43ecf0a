"""The way of a delivery: who may try it now, and what an attempt came to. Each arrow is one CAS."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, Final

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from appliance.notices.models import Event, NoticeChannel, NoticeDelivery
from appliance.notices.raising import raise_notice, resolve_notice
from appliance.unit.selectors import is_outbound_allowed
from audit.actor import Actor
from ground.refusals import Refusal
from jobs.actions import start_job

LOST_AFTER: Final = dt.timedelta(minutes=5)  # far longer than an attempt may take
BATCH: Final = 50
# Before the second attempt, the third, …; when they are used up, the delivery is given up, loudly.
WAITS: Final = tuple(dt.timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360, 720))
KIND: Final = "notices.deliver"
_ACTOR: Final = Actor.system("notices")
_State = NoticeDelivery.State


def dispatch(now: dt.datetime | None = None) -> int:
    """Start a job for each delivery that is due; how many. Nothing while outbound work is paused."""
    moment = now or timezone.now()
    if not is_outbound_allowed():
        return 0
    _take_back(moment)
    count = 0
    for delivery in due(moment)[:BATCH]:
        with transaction.atomic():
            if claim(delivery, moment):
                params = {"delivery": str(delivery.pk), "attempt": delivery.attempts}
                start_job(KIND, actor=_ACTOR, params=params, subject=f"notice-channel:{delivery.channel_id}")
                count += 1
    return count


def due(moment: dt.datetime) -> QuerySet[NoticeDelivery]:
    """Deliveries that may be tried now; of a channel that is switched off only tests."""
    rows = NoticeDelivery.objects.filter(state=_State.WAITING, due_at__lte=moment)
    wanted = rows.filter(Q(channel__enabled=True) | Q(notice__event=Event.TEST))
    return wanted.select_related("channel", "notice").order_by("due_at")


def claim(delivery: NoticeDelivery, moment: dt.datetime) -> bool:
    """waiting → sending for the caller, or False: another was first."""
    rows = NoticeDelivery.objects.filter(pk=delivery.pk, state=_State.WAITING, attempts=delivery.attempts)
    sets: dict[str, Any] = {
        "state": _State.SENDING,
        "attempts": delivery.attempts + 1,
        "due_at": moment + LOST_AFTER,
    }
    if not rows.update(**sets):
        return False
    for name, value in sets.items():
        setattr(delivery, name, value)
    return True


def claimed(pk: str, attempt: int) -> NoticeDelivery | None:
    """The delivery, if this attempt at it is still the newest."""
    rows = NoticeDelivery.objects.select_related("channel", "notice")
    return rows.filter(pk=pk, state=_State.SENDING, attempts=attempt).first()


def settle(delivery: NoticeDelivery, refusal: Refusal | None, now: dt.datetime | None = None) -> None:
    """What the attempt came to: sent, to be tried again later, or given up."""
    moment = now or timezone.now()
    rows = NoticeDelivery.objects.filter(pk=delivery.pk, state=_State.SENDING, attempts=delivery.attempts)
    channels = NoticeChannel.objects.filter(pk=delivery.channel_id)
    with transaction.atomic():
        if refusal is None:
            if rows.update(state=_State.SENT, sent_at=moment, problem=None):
                channels.update(last_sent_at=moment, problem=None)
                name = delivery.channel.name
                resolve_notice(_trouble(delivery), subject=f"The channel {name} works again", now=moment)
            return
        problem = refusal.as_dict()
        if delivery.attempts <= len(WAITS) and delivery.notice.event != Event.TEST:
            sets: dict[str, Any] = {"state": _State.WAITING, "due_at": moment + WAITS[delivery.attempts - 1]}
        else:
            sets = {"state": _State.GIVEN_UP}
        if not rows.update(problem=problem, **sets):
            return
        channels.update(problem=problem)
        if sets["state"] == _State.GIVEN_UP and delivery.notice.event != Event.TEST:
            _tell_given_up(delivery, refusal, moment)


def _tell_given_up(delivery: NoticeDelivery, refusal: Refusal, moment: dt.datetime) -> None:
    raise_notice(
        Event.FAILURE,
        key=_trouble(delivery),
        about=f"notice-channel:{delivery.channel_id}",
        subject=f"Notices do not arrive over the channel {delivery.channel.name}",
        consequence=f"Nobody was told over it: {delivery.notice.subject}",
        next_step=refusal.next_step,
        facts={"code": refusal.code, "notice": str(delivery.notice_id), "attempts": delivery.attempts},
        now=moment,
    )


def _trouble(delivery: NoticeDelivery) -> str:
    return f"failure:notice-channel:{delivery.channel_id}"


def _take_back(moment: dt.datetime) -> None:
    """Attempts whose worker was lost count, and are made again."""
    lost: Iterable[NoticeDelivery] = NoticeDelivery.objects.filter(state=_State.SENDING, due_at__lt=moment)
    for delivery in lost:
        NoticeDelivery.objects.filter(
            pk=delivery.pk, state=_State.SENDING, attempts=delivery.attempts, due_at__lt=moment
        ).update(state=_State.WAITING, due_at=moment)
