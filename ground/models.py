"""Ground's one table: answers given to requests that carried an Idempotency-Key."""

from __future__ import annotations

from django.db import models

from ground.db.models import BaseModel


class IdempotentAnswer(BaseModel):
    """What was answered to one (person, call, key). `status` null: the first request is still at work.

    ``(new) → status null`` by the first request (unique index); ``null → status`` when it has answered;
    the row is deleted if it failed, so that the same key may try again.
    """

    caller = models.CharField(max_length=80)
    call = models.CharField(max_length=300)
    key = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True)
    location = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["caller", "call", "key"], name="ground_idempotentanswer_once"),
        ]
        indexes = [models.Index(fields=["created_at"], name="ground_idempotent_age")]

    def __str__(self) -> str:
        return f"{self.call} {self.key}"
