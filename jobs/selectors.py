"""Which jobs a person sees: their own, and all of them for who runs or audits the site."""

from __future__ import annotations

import uuid
from typing import Any, Protocol

from django.db.models import QuerySet

from ground.refusals import Forbidden, Missing
from jobs.models import Job

SEE_ALL = ("admin", "auditor", "clerk", "custodian", "recovery-operator")
CHANGE_ALL = ("admin", "clerk", "custodian", "recovery-operator")


class Person(Protocol):
    """What is asked of a user; accounts is a sibling and not imported."""

    pk: Any

    def has_role(self, *any_of: str) -> bool: ...


def jobs_for(user: Person) -> QuerySet[Job]:
    """Jobs this person may see, newest first."""
    if user.has_role(*SEE_ALL):
        return Job.objects.all()
    return Job.objects.filter(actor_kind="user", actor_id=str(user.pk))


def job_for(user: Person, job_id: uuid.UUID | str) -> Job:
    """One job; `Missing` if it is not there or not theirs."""
    try:
        wanted = uuid.UUID(str(job_id))
    except ValueError:
        raise Missing(job=str(job_id)) from None
    job = jobs_for(user).filter(pk=wanted).first()
    if job is None:
        raise Missing(job=str(job_id))
    return job


def job_for_change(user: Person, job_id: uuid.UUID | str) -> Job:
    """One job this person may cancel or start again; `Missing`, or `Forbidden` if they may only look."""
    job = job_for(user, job_id)
    own = job.actor_kind == "user" and job.actor_id == str(user.pk)
    if not own and not user.has_role(*CHANGE_ALL):
        raise Forbidden(needs=" or ".join(CHANGE_ALL))
    return job


def running_jobs_for(user: Person) -> QuerySet[Job]:
    """Jobs that have not ended, oldest first: the task tray."""
    return jobs_for(user).filter(state__in=Job.LIVE).order_by("created_at")


def is_busy(kind: str, subject: str = "") -> bool:
    """Whether a job of this kind (about this subject) has not ended."""
    rows = Job.objects.filter(kind=kind, state__in=Job.LIVE)
    return (rows.filter(subject=subject) if subject else rows).exists()


def latest(kind: str, subject: str = "") -> Job | None:
    """The newest job of this kind (about this subject)."""
    rows = Job.objects.filter(kind=kind)
    return (rows.filter(subject=subject) if subject else rows).order_by("-created_at").first()
