"""The watchdog: says that a run did not happen, and that an image is damaged, without any job having run.

It looks at rules and rows only. The worker's sweeper calls it; so does a thread of the web process, because a
worker that is not there cannot say so. Notices it raises from the web tier stand on the pages at once; mail
that no worker takes up goes out from there too. (A webhook's secret can only be opened by the worker.)
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
from typing import Final

from django.db import DatabaseError, connections
from django.utils import timezone

from appliance.backup.models import BackupImage
from appliance.notices import dispatch
from appliance.notices.errors import NoticeRefusal
from appliance.notices.mail import send_mail
from appliance.notices.models import Event, Notice, NoticeChannel
from appliance.notices.raising import REMIND_AFTER, raise_notice, resolve_notice
from appliance.schedules import troubles
from appliance.schedules.outlook import overdue
from appliance.unit.selectors import is_outbound_allowed
from ground.refusals import Refusal

log = logging.getLogger(__name__)
LOOK_EVERY: Final = 60.0  # seconds between two looks of the web process
UNTAKEN: Final = dt.timedelta(minutes=3)  # a delivery that is due so long has no worker
_DAMAGE: Final = "image-damage:"


def look(now: dt.datetime | None = None) -> None:
    """Raise what is overdue or damaged, close what is sound again. Nothing while outbound work is paused."""
    moment = now or timezone.now()
    if not is_outbound_allowed():
        return
    for late in overdue(moment):
        if _told_already(f"schedule-missed:{late.schedule.pk}", late.due_at, moment):
            continue  # one count for one run, however often the watchdog looks
        troubles.tell_missed(
            late.schedule,
            late.due_at,
            why=late.text,
            next_step="Look at the unit: is its engine running? Then start the run by hand.",
            facts={"code": "schedules.overdue"},
            now=moment,
        )
    _look_at_images(moment)


def send_untaken_mail(now: dt.datetime | None = None) -> int:
    """Send mail that has been due for a while and that no worker took up; how many were tried."""
    moment = now or timezone.now()
    if not is_outbound_allowed():
        return 0
    count = 0
    rows = dispatch.due(moment - UNTAKEN).filter(channel__kind=NoticeChannel.Kind.MAIL)
    for delivery in rows[:10]:
        if not dispatch.claim(delivery, moment):
            continue
        refusal: Refusal | None = None
        try:
            send_mail(delivery)
        except NoticeRefusal as error:
            refusal = error
        dispatch.settle(delivery, refusal, moment)
        count += 1
    return count


def _told_already(key: str, due_at: dt.datetime, moment: dt.datetime) -> bool:
    """Whether the open notice is about this very run, and was told within the day."""
    found = Notice.objects.filter(key=key, resolved_at=None).first()
    return (
        found is not None
        and found.facts.get("due_at") == due_at.isoformat()
        and moment - found.told_at < REMIND_AFTER
    )


def _look_at_images(moment: dt.datetime) -> None:
    damaged = {
        f"{_DAMAGE}{image.pk}": image
        for image in BackupImage.objects.filter(state=BackupImage.State.DAMAGED).select_related("target")
    }
    known = set(
        Notice.objects.filter(key__startswith=_DAMAGE, resolved_at=None).values_list("key", flat=True)
    )
    for key in damaged.keys() - known:
        image = damaged[key]
        problem = image.problem or {}
        raise_notice(
            Event.DAMAGE,
            key=key,
            about=f"backup-image:{image.pk}",
            subject=f"Backup image {image.sequence} on {image.target.name} is damaged",
            consequence=f"{problem.get('title', 'It did not pass its verification.')} "
            "It cannot be relied on; others may share the damage.",
            next_step=str(problem.get("next_step") or "Make a new backup, then verify the other images."),
            facts={"code": problem.get("code", ""), "image": str(image.pk), "target": image.target.name},
            now=moment,
        )
    for key in known - damaged.keys():
        resolve_notice(key, subject="A damaged backup image is sound again, or gone", now=moment)


class Watchdog(threading.Thread):
    """Looks until stopped; its database connection is closed between looks (see ground/db/gate.py)."""

    def __init__(self) -> None:
        super().__init__(name="watchdog", daemon=True)
        self._stop_event = threading.Event()

    def run(self) -> None:
        while not self._stop_event.wait(LOOK_EVERY):
            try:
                look()
                send_untaken_mail()
            except (DatabaseError, Refusal):
                log.warning("the watchdog could not look; it looks again", exc_info=True)
            except Exception:  # a watchdog that ends in silence is worse than none
                log.exception("the watchdog failed; it looks again")
            finally:
                connections.close_all()

    def stop(self) -> None:
        self._stop_event.set()
        self.join(timeout=10)
