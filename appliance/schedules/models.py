"""Schedules, and one row for every run that was due."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone

from appliance.backup.models import BackupTarget
from appliance.schedules.calendar import parse
from ground.db.models import BaseModel


class BackupSchedule(BaseModel):
    """When something is to run by itself.

    `next_due_at` is the compare-and-swap of the sweepers: whoever moves it from the due moment to the next
    one makes that moment's occurrence; every other sweeper finds another value. `since` is when the schedule
    as it now stands began: no run before it can be missing.
    """

    class Task(models.TextChoices):
        BACKUP = "backup", "backup"
        VERIFY = "verify", "verification"
        COPY = "copy", "copying"
        PRUNE = "prune", "pruning"
        COLLECT = "collect", "collecting"

    class Which(models.TextChoices):
        NEWEST = "newest", "the newest image"
        ALL = "all", "every image"
        DUE = "due", "what was not verified for a month, a few at a time"

    class Depth(models.TextChoices):
        DIGESTS = "digests", "storage against digests"
        FULL = "full", "every chunk opened"

    name = models.CharField(max_length=100, unique=True)
    task = models.CharField(max_length=10, choices=Task, default=Task.BACKUP)
    # A removed target leaves its schedules without one, which is loud: see `NoTarget`.
    target = models.ForeignKey(BackupTarget, null=True, on_delete=models.SET_NULL, related_name="schedules")
    target_name = models.CharField(max_length=100)  # empty: it is about the unit's own store
    repository_id = models.UUIDField(null=True)  # finds the target again on a unit restored from an image
    which = models.CharField(max_length=10, choices=Which, default=Which.NEWEST)  # of a verification
    depth = models.CharField(max_length=10, choices=Depth, default=Depth.FULL)  # of a verification
    rule = models.JSONField()
    zone = models.CharField(max_length=80)
    catch_up = models.BooleanField(default=True)
    enabled = models.BooleanField(default=True)
    paused_why = models.CharField(max_length=200, blank=True)
    since = models.DateTimeField(default=timezone.now)
    next_due_at = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(
        default=0
    )  # grows with every edit: a sweeper that read before it loses

    class Meta:
        ordering = ("name",)
        indexes = [models.Index(fields=["enabled", "next_due_at"], name="schedules_due")]

    def __str__(self) -> str:
        return self.name

    @property
    def lacks_target(self) -> bool:
        """It needs one, and this unit does not know it."""
        return self.task != self.Task.COLLECT and self.target_id is None

    @property
    def about(self) -> str:
        """On, or onto, what it runs."""
        if self.task == self.Task.COLLECT:
            return "in the content store"
        name = self.target.name if self.target is not None else self.target_name
        return f"{'onto' if self.task in (self.Task.BACKUP, self.Task.COPY) else 'on'} {name}"

    @property
    def rule_text(self) -> str:
        """The rule in words, with its zone."""
        return f"{parse(self.rule).text} ({self.zone})"

    @property
    def last(self) -> Occurrence | None:
        """Its newest occurrence."""
        return self.occurrences.order_by("-due_at").first()


class Occurrence(BaseModel):
    """One moment at which a schedule was due, and what came of it.

    ::

        waiting ──started──▶ started ──jobs ended──▶ done | failed | cancelled
           │  └──refused──▶ refused
           ▼ its time passed
        missed
    """

    class State(models.TextChoices):
        WAITING = "waiting", "waiting for the run before it"
        STARTED = "started", "started"
        DONE = "done", "done"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"
        MISSED = "missed", "did not happen"
        REFUSED = "refused", "refused"

    OPEN = (State.WAITING, State.STARTED)

    schedule = models.ForeignKey(BackupSchedule, on_delete=models.CASCADE, related_name="occurrences")
    due_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    late = models.BooleanField(default=False)  # caught up after its time
    jobs = models.JSONField(default=list)  # ids
    reason = models.JSONField(null=True)  # a refusal's code, title, facts and next step
    decided_at = models.DateTimeField(null=True)  # started, missed or refused
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-due_at",)
        constraints = [
            models.UniqueConstraint(fields=["schedule", "due_at"], name="one_occurrence_for_a_moment"),
        ]
        indexes = [models.Index(fields=["state", "due_at"], name="schedules_occurrence_open")]

    def __str__(self) -> str:
        return f"{self.schedule_id} {self.due_at:%Y-%m-%d %H:%M} {self.state}"

    @property
    def reason_text(self) -> str:
        reason: dict[str, Any] = self.reason or {}
        return str(reason.get("title", ""))
