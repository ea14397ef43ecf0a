"""The job row: the truth about long work. The broker only carries ids and may lose all of them."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone

from audit.actor import Actor
from ground.db.models import BaseModel


class Job(BaseModel):
    """One piece of long work and where it stands. Every arrow is one compare-and-swap UPDATE.

    ==============================  ==================================================  ================
    arrow                           condition in the UPDATE                              whose move
    ==============================  ==================================================  ================
    (new) → queued                  —                                                    web, sweeper
    queued → running                state, due, exclusive group free (unique index)      worker (claim)
    running → done | failed         state and lease token                                worker (owner)
    running → queued                state and lease token: attempt failed, some left     worker (owner)
    running → queued                lease over                                           sweeper
    running → failed                lease over for the last time                         sweeper
    running → cancelling            state                                                web
    cancelling → cancelled          state and lease token                                worker (owner)
    cancelling → cancelled          lease over: nobody works on it any more              sweeper
    cancelling → done               lease token: it was finished before it noticed       worker (owner)
    queued → cancelled              state                                                web
    failed | cancelled → queued     state                                                web (retry)
    ==============================  ==================================================  ================

    A claim writes a fresh random `lease_token`. Whoever holds another token has lost the job, whatever
    it still believes: each of its writes compares the token and finds no row. So a delivery may come
    twice, late or never: it is only a hint to look at the row.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "waiting"
        RUNNING = "running", "running"
        CANCELLING = "cancelling", "being cancelled"
        DONE = "done", "done"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"

    LIVE = (State.QUEUED, State.RUNNING, State.CANCELLING)
    HELD = (State.RUNNING, State.CANCELLING)
    ENDED = (State.DONE, State.FAILED, State.CANCELLED)

    kind = models.CharField(max_length=80)
    subject = models.CharField(max_length=200, blank=True)
    params = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    actor_kind = models.CharField(max_length=10)
    actor_id = models.CharField(max_length=80)
    actor_name = models.CharField(max_length=200)
    idempotency_key = models.CharField(max_length=200, blank=True)

    # When a queued job may be taken, and when it was last sent to the broker.
    due_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)

    # The group of which one job runs at a time; set by the claim, cleared by every arrow out of HELD.
    exclusive = models.CharField(max_length=80, blank=True)
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    worker = models.CharField(max_length=120, blank=True)
    attempts = models.PositiveIntegerField(default=0)  # claims, less those that were lost
    losses = models.PositiveIntegerField(default=0)  # leases that ran out
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(default=timezone.now)
    version = models.PositiveBigIntegerField(default=0)  # grows with every change, for watchers

    phase = models.CharField(max_length=120, blank=True)
    done_amount = models.BigIntegerField(default=0)
    total_amount = models.BigIntegerField(null=True)
    amount_unit = models.CharField(max_length=20, default="bytes")
    rate = models.FloatField(null=True)  # amount per second, smoothed
    eta = models.DateTimeField(null=True)

    result = models.JSONField(default=dict)
    refusal = models.JSONField(default=dict)  # Refusal.as_dict() of why it failed

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["exclusive"],
                condition=models.Q(state__in=["running", "cancelling"]) & ~models.Q(exclusive=""),
                name="jobs_job_one_of_a_group",
            ),
            models.UniqueConstraint(
                fields=["kind", "actor_id", "idempotency_key"],
                condition=~models.Q(idempotency_key=""),
                name="jobs_job_idempotent",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["running", "cancelling"], lease_token__isnull=False)
                | (~models.Q(state__in=["running", "cancelling"]) & models.Q(lease_token__isnull=True)),
                name="jobs_job_lease_while_held",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "due_at"], name="jobs_job_due"),
            models.Index(fields=["changed_at"], name="jobs_job_changed"),
            models.Index(fields=["created_at"], name="jobs_job_created"),
            models.Index(fields=["state", "created_at"], name="jobs_job_state"),
            models.Index(fields=["kind", "created_at"], name="jobs_job_kind"),
            models.Index(fields=["subject", "created_at"], name="jobs_job_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"

    @property
    def actor(self) -> Actor:
        return Actor.from_dict({"kind": self.actor_kind, "id": self.actor_id, "name": self.actor_name})

    @property
    def percent(self) -> int | None:
        """0 to 100, or None while the total is unknown."""
        if not self.total_amount:
            return None
        return max(0, min(100, self.done_amount * 100 // self.total_amount))

    @property
    def is_live(self) -> bool:
        return self.state in self.LIVE

    @property
    def refused(self) -> dict[str, Any] | None:
        """Code, title, facts and next step of why it failed; None if it did not."""
        return self.refusal or None


class JobLine(BaseModel):
    """One line of a job's log, for people; never a secret."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="lines")
    number = models.PositiveIntegerField()
    at = models.DateTimeField(default=timezone.now)
    text = models.CharField(max_length=1000)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="jobs_jobline_number"),
        ]

    def __str__(self) -> str:
        return self.text
