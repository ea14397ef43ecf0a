"""Targets and images as this unit knows them.

The rows are a catalogue of what lies on the targets. The truth is there, in signed headers: the rows of
images can be thrown away and rebuilt by connecting the target again (`engine.survey`).
"""

from __future__ import annotations

from django.db import models

from ground.db.models import BaseModel


class BackupTarget(BaseModel):
    """A place outside the unit.

    ::

        new ──connect──▶ ready ◀──connect──▶ refused

    The engine moves it, by looking. `refused` keeps the last refusal in `problem`; a backup that runs
    into one moves it too.
    """

    class State(models.TextChoices):
        NEW = "new", "not connected yet"
        READY = "ready", "ready"
        REFUSED = "refused", "refused"

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=20)
    settings = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State, default=State.NEW)
    repository_id = models.UUIDField(null=True, blank=True)
    customer_id = models.UUIDField(null=True, blank=True)  # from the marker
    checked_at = models.DateTimeField(null=True, blank=True)
    free_bytes = models.BigIntegerField(null=True, blank=True)
    problem = models.JSONField(null=True, blank=True)
    # What the last look found that is not an image: forged, misplaced or foreign headers, by name.
    findings = models.JSONField(default=list)
    # The newest head of any chain known for this target, and up to when that proves freshness.
    fresh_to = models.DateTimeField(null=True, blank=True)
    freshness = models.CharField(max_length=12, default="unknown")  # proven | dated | rolled-back | unknown

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class BackupImage(BaseModel):
    """One image on one target; the row's id is the image's id.

    ::

        writing ──header durable──▶ committed ──verify──▶ verified ◀──verify──▶ damaged
           │                            │                    │                     │
           ▼ (job ended without it)     └────────────────────┴──────▶ expired ──▶ deleted
        abandoned

    `writing` moves to `committed` only after the header lies durably under its final name. Failed
    verification (`damaged`, with `problem`) is not the same as never verified (`committed`).
    """

    class State(models.TextChoices):
        WRITING = "writing", "being written"
        ABANDONED = "abandoned", "not finished"
        COMMITTED = "committed", "not yet verified"
        VERIFIED = "verified", "verified"
        DAMAGED = "damaged", "damaged"
        EXPIRED = "expired", "expired"
        DELETED = "deleted", "deleted"

    class Proof(models.TextChoices):
        DRILLED = "drilled", "drilled"
        WAIVED = "waived", "waived"

    USABLE = (State.COMMITTED, State.VERIFIED, State.DAMAGED)

    target = models.ForeignKey(BackupTarget, on_delete=models.PROTECT, related_name="images")
    state = models.CharField(max_length=10, choices=State, default=State.WRITING)
    job_id = models.UUIDField(null=True, blank=True)  # that writes it
    # Who wrote it, and its place in that unit's chain on this target.
    own = models.BooleanField(default=False)
    serial = models.CharField(max_length=64)
    chain = models.CharField(max_length=64)
    sequence = models.PositiveBigIntegerField()
    header = models.TextField(blank=True)
    header_digest = models.CharField(max_length=64, blank=True)  # as documents name it: SHA-384, base64url
    link_digest = models.CharField(max_length=64, blank=True)  # as the next header names it: SHA-256, hex
    customer_id = models.UUIDField()
    appliance_id = models.UUIDField(null=True, blank=True)
    key_id = models.CharField(max_length=64, blank=True)
    epoch = models.PositiveIntegerField(default=0)
    proof = models.CharField(max_length=10, choices=Proof, blank=True)
    # When, and how much.
    made_at = models.DateTimeField(null=True, blank=True)
    content_bytes = models.BigIntegerField(default=0)  # of the content, as people see it
    stored_bytes = models.BigIntegerField(default=0)  # of all packs the image needs
    new_bytes = models.BigIntegerField(default=0)  # of the packs that were sent for it
    object_count = models.PositiveIntegerField(default=0)  # virtual images in it
    pack_count = models.PositiveIntegerField(default=0)
    # Proof that it is whole: storage against digests (needs no key), and every chunk opened.
    checked_at = models.DateTimeField(null=True, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    problem = models.JSONField(null=True, blank=True)
    head = models.TextField(blank=True)  # signed repository head, of own images
    head_lodged_at = models.DateTimeField(null=True, blank=True)
    restored_at = models.DateTimeField(null=True, blank=True)  # this unit was restored from it
    preview = models.JSONField(null=True, blank=True)  # from the sealed manifest, on a keyed unit

    class Meta:
        ordering = ("-made_at", "-sequence")
        constraints = [
            models.UniqueConstraint(
                fields=["target", "chain", "sequence"],
                condition=~models.Q(state="abandoned"),
                name="one_image_for_a_place_in_a_chain",
            ),
        ]
        indexes = [models.Index(fields=["target", "state", "made_at"], name="backup_image_by_target")]

    def __str__(self) -> str:
        return f"image {self.sequence} of {self.serial}"
