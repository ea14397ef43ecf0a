"""Channels, notices, and one row for every delivery."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from ground.db.models import BaseModel


class Event(models.TextChoices):
    """What a notice is about. Values are released: receivers read them."""

    FAILURE = "failure", "something failed"
    DAMAGE = "damage", "something is damaged"
    MISSED = "missed", "something did not happen"
    RECOVERY = "recovery", "an earlier trouble is over"
    TEST = "test", "a test"


CHOOSABLE = (Event.FAILURE, Event.DAMAGE, Event.MISSED, Event.RECOVERY)


class NoticeChannel(BaseModel):
    """A way to a person or a program outside.

    The secret of a webhook is sealed to the key process's public key by whoever takes it in: the web tier
    writes it and can never read it, the worker opens it to sign.
    """

    class Kind(models.TextChoices):
        MAIL = "mail", "mail"
        WEBHOOK = "webhook", "signed webhook"

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=10, choices=Kind)
    settings = models.JSONField(default=dict)  # {"to": [...]} or {"url": ...}
    events = models.JSONField(default=list)
    allow_private = models.BooleanField(default=False)  # a webhook inside the site's own network
    enabled = models.BooleanField(default=True)
    sealed_secret = models.TextField(blank=True)
    secret_made_at = models.DateTimeField(null=True)
    last_sent_at = models.DateTimeField(null=True)
    problem = models.JSONField(null=True)  # the last refusal, until a delivery arrives

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def has_secret(self) -> bool:
        return bool(self.sealed_secret)


class Notice(BaseModel):
    """One trouble, open until it is over. `key` names it: while it is open, the same trouble counts up."""

    event = models.CharField(max_length=10, choices=Event)
    key = models.CharField(max_length=200)
    about = models.CharField(max_length=200, blank=True)
    subject = models.CharField(max_length=200)
    consequence = models.CharField(max_length=1000, blank=True)
    next_step = models.CharField(max_length=1000, blank=True)
    facts = models.JSONField(default=dict)
    count = models.PositiveIntegerField(default=1)
    raised_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)
    told_at = models.DateTimeField(default=timezone.now)  # when it last went out
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-raised_at",)
        constraints = [
            models.UniqueConstraint(
                fields=["key"],
                condition=models.Q(resolved_at__isnull=True),
                name="one_open_notice_for_a_trouble",
            ),
        ]
        indexes = [
            models.Index(fields=["raised_at"], name="notices_by_time"),
            models.Index(fields=["created_at"], name="notices_by_begin"),
        ]

    def __str__(self) -> str:
        return self.subject


class NoticeRead(BaseModel):
    """A person has seen a notice."""

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="readings")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["notice", "user"], name="one_reading_a_person")]

    def __str__(self) -> str:
        return f"{self.notice_id} read by {self.user_id}"


class NoticeDelivery(BaseModel):
    """One notice on its way over one channel.

    ::

        waiting ──due, outbound allowed──▶ sending ──▶ sent
           ▲                                  │
           └──refused, or its worker lost─────┤ tries used up
                                              ▼
                                           given_up

    `attempts` is the compare-and-swap: each claim raises it, and whoever ends an attempt compares it. A
    worker that dies between sending and saying so sends twice; receivers tell by the delivery's id.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        SENDING = "sending", "being sent"
        SENT = "sent", "sent"
        GIVEN_UP = "given_up", "given up"

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.ForeignKey(NoticeChannel, on_delete=models.CASCADE, related_name="deliveries")
    round = models.PositiveIntegerField(default=1)  # of an open trouble that is told again
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(
        default=timezone.now
    )  # of a waiting one; of one being sent: when it is lost
    sent_at = models.DateTimeField(null=True)
    problem = models.JSONField(null=True)

    class Meta:
        ordering = ("-created_at",)
        constraints = [
            models.UniqueConstraint(fields=["notice", "channel", "round"], name="one_delivery_a_channel"),
        ]
        indexes = [models.Index(fields=["state", "due_at"], name="notices_delivery_due")]

    def __str__(self) -> str:
        return f"{self.notice_id} over {self.channel_id}: {self.state}"


class JobTold(BaseModel):
    """A failed job that a notice was made of; its version, because a job may fail again after a retry."""

    job_id = models.UUIDField()
    version = models.PositiveBigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job_id", "version"], name="one_notice_a_failure")]

    def __str__(self) -> str:
        return f"{self.job_id} {self.version}"
