"""What the sweeper does about schedules: take up what is due, start it, and write down what came of it.

Any number of sweepers may look side by side. A moment is taken up by moving the schedule's `next_due_at` on
with a compare-and-swap; whoever does it makes the moment's one occurrence. Each occurrence starts by a
compare-and-swap of its own, in one transaction with its jobs.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from appliance.backup.actions import start_backup, start_copy, start_prune, start_verify, start_verify_due
from appliance.backup.models import BackupImage, BackupTarget
from appliance.content.actions.start_collection import start_collection
from appliance.schedules import calendar, troubles
from appliance.schedules.errors import (
    JobGone,
    Missed,
    NotACopy,
    NoTarget,
    NothingToVerify,
    ScheduleRefusal,
    Superseded,
)
from appliance.schedules.models import BackupSchedule, Occurrence
from appliance.unit.selectors import is_outbound_allowed
from audit.actor import Actor
from audit.log import record
from ground.db.transitions import swap
from ground.refusals import Refusal
from jobs.models import Job

LATE: Final = dt.timedelta(minutes=10)  # later than this a run is caught up, not on time
SHOWN: Final = 31  # of a long row of missed runs the newest get rows of their own
ACTOR: Final = Actor.system("schedules")
_State = Occurrence.State


def look(now: dt.datetime | None = None) -> None:
    """Look once. Nothing while outbound work is paused: what falls due meanwhile is caught up or reported
    when it goes on."""
    moment = now or timezone.now()
    if not is_outbound_allowed():
        return
    _settle(moment)
    join_targets()
    enabled = BackupSchedule.objects.filter(enabled=True).order_by("next_due_at")
    for schedule in enabled.filter(Q(next_due_at=None) | Q(next_due_at__lte=moment)):
        try:
            if schedule.next_due_at is None:
                _begin(schedule, moment)  # restored from an image, which carries no such moment
            else:
                take_up(schedule, moment)
        except ScheduleRefusal as refusal:  # a zone that this machine does not know; the others go on
            troubles.tell_refused(schedule, moment, refusal.as_dict(), now=moment)
    for occurrence in Occurrence.objects.filter(state=_State.WAITING).select_related("schedule__target"):
        advance(occurrence, moment)


def join_targets() -> None:
    """A schedule that came with an image finds its target by the repository on it; and it remembers it."""
    for schedule in BackupSchedule.objects.filter(target=None).exclude(repository_id=None):
        target = BackupTarget.objects.filter(repository_id=schedule.repository_id).first()
        if target is not None:
            BackupSchedule.objects.filter(pk=schedule.pk, target=None).update(
                target=target, target_name=target.name
            )
    unnamed = BackupSchedule.objects.filter(repository_id=None, target__repository_id__isnull=False)
    for schedule in unnamed.select_related("target"):
        if schedule.target is not None:
            BackupSchedule.objects.filter(pk=schedule.pk).update(repository_id=schedule.target.repository_id)


def take_up(schedule: BackupSchedule, now: dt.datetime) -> Occurrence | None:
    """The occurrence of the newest moment that is due; None if another sweeper took it up.

    Moments before it (the unit was off, outbound work was paused) did not happen: they are reported, and the
    newest is caught up in their place, once, if the schedule says so.
    """
    if schedule.next_due_at is None:
        return None
    rule, zone = calendar.parse(schedule.rule), calendar.zone_of(schedule.zone)
    *missed, newest = calendar.between(rule, zone, schedule.next_due_at, now) or [schedule.next_due_at]
    late = now - newest > LATE
    with transaction.atomic():
        won = BackupSchedule.objects.filter(
            pk=schedule.pk, enabled=True, next_due_at=schedule.next_due_at, version=schedule.version
        ).update(next_due_at=calendar.following(rule, zone, now))
        if not won:
            return None
        _supersede(schedule, newest, now)
        for due_at in missed[-SHOWN:]:
            _miss(Occurrence(schedule=schedule, due_at=due_at), Missed(due_at=due_at.isoformat()), now)
        occurrence = Occurrence(schedule=schedule, due_at=newest, late=late)
        if late and not schedule.catch_up:
            _miss(occurrence, Missed(due_at=newest.isoformat()), now)
        else:
            occurrence.save(force_insert=True)
        if missed or occurrence.state == _State.MISSED:
            _report(occurrence, len(missed), now)
    return occurrence


def advance(occurrence: Occurrence, now: dt.datetime) -> None:
    """Start a waiting occurrence, unless the one before it is still at work."""
    schedule = occurrence.schedule
    before = schedule.occurrences.filter(state=_State.STARTED).values_list("jobs", flat=True)
    if Job.objects.filter(pk__in=[job for jobs in before for job in jobs], state__in=Job.LIVE).exists():
        if not schedule.catch_up and now - occurrence.due_at > LATE:
            with transaction.atomic():
                if swap(occurrence, "state", _State.WAITING, _State.MISSED, **_because(Superseded(), now)):
                    _tell(occurrence, Superseded(), now)
        return
    with transaction.atomic():
        late = occurrence.late or now - occurrence.due_at > LATE
        if not swap(occurrence, "state", _State.WAITING, _State.STARTED, decided_at=now, late=late):
            return
        try:
            with transaction.atomic():
                jobs = _start(schedule)
        except Refusal as refusal:
            swap(occurrence, "state", _State.STARTED, _State.REFUSED, **_because(refusal, now))
            troubles.tell_refused(schedule, occurrence.due_at, refusal.as_dict(), now=now)
            _record("schedules.refused", occurrence, code=refusal.code)
        else:
            Occurrence.objects.filter(pk=occurrence.pk).update(jobs=[str(job.pk) for job in jobs])
            _record("schedules.started", occurrence, jobs=[str(job.pk) for job in jobs], late=late)


def _begin(schedule: BackupSchedule, now: dt.datetime) -> None:
    rule, zone = calendar.parse(schedule.rule), calendar.zone_of(schedule.zone)
    BackupSchedule.objects.filter(pk=schedule.pk, enabled=True, next_due_at=None).update(
        next_due_at=calendar.following(rule, zone, now), since=now
    )


def _start(schedule: BackupSchedule) -> list[Job]:
    target = schedule.target
    actor = Actor.system(f"schedule {schedule.name}"[:80])
    task = BackupSchedule.Task(schedule.task)
    if task is BackupSchedule.Task.COLLECT:
        return [start_collection(actor=actor)]
    if target is None:
        raise NoTarget(target=schedule.target_name)
    match task:
        case BackupSchedule.Task.BACKUP:
            return [start_backup(target, actor=actor)]
        case BackupSchedule.Task.PRUNE:
            return [start_prune(target, actor=actor)]
        case BackupSchedule.Task.COPY:
            if target.copy_of is None:
                raise NotACopy(target=target.name)
            return [start_copy(target.copy_of, actor=actor, to=target)]
        case BackupSchedule.Task.VERIFY:
            return _verify(schedule, target, actor)


def _verify(schedule: BackupSchedule, target: BackupTarget, actor: Actor) -> list[Job]:
    if schedule.which == BackupSchedule.Which.DUE:
        return start_verify_due(target, actor=actor)
    images = BackupImage.objects.filter(target=target, state__in=BackupImage.USABLE)
    if schedule.which == BackupSchedule.Which.NEWEST:
        images = images.order_by("-made_at")[:1]
    depth: Any = schedule.depth
    jobs = [start_verify(image, actor=actor, depth=depth) for image in images]
    if not jobs:
        raise NothingToVerify(target=target.name)
    return jobs


def _supersede(schedule: BackupSchedule, by: dt.datetime, now: dt.datetime) -> None:
    """What still waits for its predecessor when the next moment comes did not happen."""
    for occurrence in schedule.occurrences.filter(state=_State.WAITING, due_at__lt=by):
        refusal = Superseded(due_at=occurrence.due_at.isoformat())
        if swap(occurrence, "state", _State.WAITING, _State.MISSED, **_because(refusal, now)):
            _tell(occurrence, refusal, now)


def _settle(now: dt.datetime) -> None:
    """Occurrences whose jobs have all ended."""
    for occurrence in Occurrence.objects.filter(state=_State.STARTED).select_related("schedule"):
        jobs = list(Job.objects.filter(pk__in=occurrence.jobs))
        if any(job.is_live for job in jobs):
            continue
        failed = [job for job in jobs if job.state == Job.State.FAILED]
        reason: dict[str, Any] | None = None
        state = _State.DONE
        if failed:
            state, reason = _State.FAILED, failed[0].refused
        elif any(job.state == Job.State.CANCELLED for job in jobs):
            state = _State.CANCELLED
        elif len(jobs) < len(occurrence.jobs):
            state, reason = _State.FAILED, JobGone().as_dict()
        with transaction.atomic():
            if swap(occurrence, "state", _State.STARTED, state, ended_at=now, reason=reason):
                _record(f"schedules.{state}", occurrence)
                if state == _State.DONE:
                    troubles.tell_well(occurrence.schedule, now)
                # A failed job is told of by itself, whoever started it (appliance.notices.watching).


def _miss(occurrence: Occurrence, refusal: Refusal, now: dt.datetime) -> None:
    occurrence.state = _State.MISSED
    for name, value in _because(refusal, now).items():
        setattr(occurrence, name, value)
    occurrence.save(force_insert=True)
    _record("schedules.missed", occurrence, code=refusal.code)


def _report(occurrence: Occurrence, missed: int, now: dt.datetime) -> None:
    """Of runs that did not happen people are told, also when the newest is being caught up."""
    caught_up = occurrence.state != _State.MISSED
    refusal = Missed()
    count = missed + (not caught_up)
    troubles.tell_missed(
        occurrence.schedule,
        occurrence.due_at,
        why=f"{refusal.title}" + (f" {count} runs are missing." if count > 1 else ""),
        next_step="Nothing: it is being caught up now." if caught_up else refusal.next_step,
        facts={"code": refusal.code, "missed": count, "caught_up": caught_up},
        now=now,
    )


def _tell(occurrence: Occurrence, refusal: Refusal, now: dt.datetime) -> None:
    troubles.tell_missed(
        occurrence.schedule,
        occurrence.due_at,
        why=refusal.title,
        next_step=refusal.next_step,
        facts={"code": refusal.code, "missed": 1, "caught_up": False},
        now=now,
    )
    _record("schedules.missed", occurrence, code=refusal.code)


def _because(refusal: Refusal, now: dt.datetime) -> dict[str, Any]:
    return {"reason": refusal.as_dict(), "decided_at": now, "ended_at": now}


def _record(action: str, occurrence: Occurrence, **facts: Any) -> None:
    subject = f"backup-schedule:{occurrence.schedule_id}"
    facts = {"due_at": occurrence.due_at.isoformat(), **facts}
    record(action, actor=ACTOR, subject=subject, facts=facts)
