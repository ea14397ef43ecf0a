"""Uploads: where a resumable upload stands. The sealed bytes lie in the spool (`appliance.content.spool`).
And what collections found in the store, which the web tier cannot open."""

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


class StoreLook(BaseModel):
    """What one collection, or its dry run, found in the store and did; the newest rows are kept."""

    job_id = models.UUIDField(unique=True)
    dry_run = models.BooleanField()
    looked_at = models.DateTimeField()
    # As it stood at the end. Stored: files of packs, of which live and dead are chunks, the rest is padding.
    packs = models.PositiveIntegerField()
    stored_bytes = models.BigIntegerField()
    live_bytes = models.BigIntegerField()
    dead_bytes = models.BigIntegerField()
    leaving_packs = models.PositiveIntegerField()  # of which nothing is needed
    leaving_bytes = models.BigIntegerField()
    repackable_packs = models.PositiveIntegerField()  # mostly dead
    repackable_bytes = models.BigIntegerField()
    # What was done.
    removed_packs = models.PositiveIntegerField(default=0)
    removed_bytes = models.BigIntegerField(default=0)
    emptied_packs = models.PositiveIntegerField(default=0)  # repacked: they leave, and go after a grace
    emptied_bytes = models.BigIntegerField(default=0)
    written_bytes = models.BigIntegerField(default=0)  # of the new packs, which each target is sent

    class Meta:
        verbose_name = "look at the store"
        ordering = ("-looked_at",)
        indexes = [models.Index(fields=["looked_at"], name="content_look_by_time")]

    def __str__(self) -> str:
        return f"{self.looked_at:%Y-%m-%d %H:%M}"
