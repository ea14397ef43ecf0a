"""Uploads: where a resumable upload stands. The sealed bytes lie in the spool (`appliance.content.spool`)."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from ground.db.models import BaseModel


class Upload(BaseModel):
    """One upload.

    ::

        open ──last byte durable──▶ complete ──content in the store──▶ taken
          │                            │
          └──────ended by its owner, or expired and nothing waits for it:
                 the row goes, and the spool's directory with it

    `offset` is the truth about what arrived: it grows by compare-and-swap, after the bytes are durable. The
    engine reads segments up to it and ignores whatever else lies in the directory.
    """

    class State(models.TextChoices):
        OPEN = "open", "arriving"
        COMPLETE = "complete", "arrived"
        TAKEN = "taken", "taken into the store"

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="uploads"
    )
    owner_name = models.CharField(max_length=200)
    name = models.CharField(max_length=200, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)  # of the whole content, as the sender declared it
    length = models.BigIntegerField()
    offset = models.BigIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    expires_at = models.DateTimeField()
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "upload"
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(offset__gte=0) & models.Q(offset__lte=models.F("length")),
                name="appliance_content_upload_offset_within",
            ),
        ]

    def __str__(self) -> str:
        return self.name or str(self.pk)
