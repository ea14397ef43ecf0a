"""Failed jobs become notices, whoever started them; a later success of the same work closes them.

Looked up from rows, not told by the jobs: a worker that dies after its job failed loses nothing, and no
handler can forget it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from appliance.notices.models import Event, JobTold, Notice
from appliance.notices.raising import raise_notice, resolve_notice
from jobs.models import Job

WINDOW: Final = dt.timedelta(days=7)  # failures older than this are history, not news
FORGET: Final = dt.timedelta(days=30)
BATCH: Final = 50


@dataclass(frozen=True, slots=True)
class Watched:
    """What to say of failures of one kind of job. Codes that begin with one of `damage` are damage; those
    that begin with one of `silent` are told by somebody else."""

    kind: str
    failed: str
    consequence: str
    works: str
    damage: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()


_watched: dict[str, Watched] = {}


def watch(
    kind: str,
    *,
    failed: str,
    consequence: str,
    works: str,
    damage: tuple[str, ...] = (),
    silent: tuple[str, ...] = (),
) -> None:
    """Make notices of failed jobs of `kind`: `failed` is their subject, `works` that of the recovery."""
    _watched[kind] = Watched(kind, failed, consequence, works, damage, silent)


def watched() -> dict[str, Watched]:
    """Everything that is watched, by kind."""
    return dict(_watched)


def look_at_jobs(now: dt.datetime | None = None) -> int:
    """Make notices of jobs that failed since; close those whose work succeeded later. How many of both."""
    moment = now or timezone.now()
    return _tell_failures(moment) + _tell_successes(moment)


def _tell_failures(moment: dt.datetime) -> int:
    told = JobTold.objects.filter(job_id=OuterRef("pk"), version=OuterRef("version"))
    failed = Job.objects.filter(
        state=Job.State.FAILED, kind__in=list(_watched), ended_at__gte=moment - WINDOW
    ).exclude(Exists(told))
    count = 0
    for job in failed.order_by("ended_at")[:BATCH]:
        try:
            with transaction.atomic():
                # The unique row is the CAS: of several sweepers one makes the notice.
                JobTold.objects.create(job_id=job.pk, version=job.version, created_at=moment)
                _tell(job, _watched[job.kind], moment)
        except IntegrityError:
            continue
        count += 1
    if count:
        JobTold.objects.filter(created_at__lt=moment - FORGET).delete()
    return count


def _tell(job: Job, watched: Watched, moment: dt.datetime) -> None:
    refusal: dict[str, Any] = job.refusal or {}
    code = str(refusal.get("code", ""))
    if _is_dry(job.params) or (watched.silent and code.startswith(watched.silent)):
        return
    damage = bool(watched.damage) and code.startswith(watched.damage)
    raise_notice(
        Event.DAMAGE if damage else Event.FAILURE,
        key=_key(job.kind, job.subject),
        about=job.subject,
        subject=f"{watched.failed}: {refusal.get('title') or 'no reason is known'}",
        consequence=watched.consequence,
        next_step=str(refusal.get("next_step") or "Look at the job's log."),
        facts={
            "job": str(job.pk),
            "kind": job.kind,
            "subject": job.subject,
            "code": code,
            "failed_at": (job.ended_at or moment).isoformat(),
            "facts": refusal.get("facts", {}),
        },
        now=moment,
    )


def _tell_successes(moment: dt.datetime) -> int:
    count = 0
    for notice in Notice.objects.filter(key__startswith="job:", resolved_at=None):
        kind, subject = str(notice.facts.get("kind", "")), str(notice.facts.get("subject", ""))
        failed_at = dt.datetime.fromisoformat(notice.facts["failed_at"])
        later = Job.objects.filter(kind=kind, subject=subject, state=Job.State.DONE, ended_at__gt=failed_at)
        if not all(_is_dry(params) for params in later.values_list("params", flat=True).iterator()):
            works = _watched[kind].works if kind in _watched else "It works again"
            count += bool(resolve_notice(notice.key, subject=works, now=moment))
    return count


def _is_dry(params: dict[str, Any]) -> bool:
    """A dry run did nothing and shows nothing of the work itself; whoever asked sees how it ended."""
    return bool(params.get("dry_run"))


def _key(kind: str, subject: str) -> str:
    return f"job:{kind}:{subject}"


_NO_BACKUP: Final = "What changed since the last backup would be lost with this unit."
watch(
    "backup.run",
    failed="A backup failed",
    consequence=_NO_BACKUP,
    works="Backups to the target work again",
    damage=("backup.store-damaged", "backup.self-test-failed"),
)
watch(
    "backup.verify",
    failed="A backup image could not be verified",
    consequence="Nobody knows whether this image could be restored.",
    works="The backup image was verified",
    silent=("image.",),  # damage: told of the image itself, however it was found
)
watch(
    "backup.copy",
    failed="Copying backup images to another target failed",
    consequence="The second copy lacks the newest images.",
    works="Copying to the other target works again",
)
watch(
    "backup.prune",
    failed="Expired backup images could not be removed",
    consequence="The target fills up.",
    works="Expired backup images are removed again",
)
watch(
    "content.collect",
    failed="What nothing needs could not be removed from the content store",
    consequence="The unit's disk fills up.",
    works="The content store is collected again",
    damage=("content.pack-damaged", "content.pack-missing"),
)
watch(
    "backup.lodge_head",
    failed="The newest state of a target could not be lodged at the desk",
    consequence="A target that was rolled back could not be told from a current one.",
    works="The target's state was lodged",
)
watch(
    "keys.rotate",
    failed="The key could not be rotated",
    consequence="Until a key of this unit is active and proven, no backup is made.",
    works="The key was rotated",
)
watch(
    "keys.drill",
    failed="A value was not proven",
    consequence="Nobody knows whether the manufacturer could open backups under this key.",
    works="The value was proven",
)
watch(
    "content.seal",
    failed="A virtual image could not be taken in",
    consequence="It is in no backup.",
    works="The virtual image was taken in",
)
