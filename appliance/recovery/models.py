"""A unit's way back, as rows: the transfer it asked for, the restore, the report to the desk."""

from __future__ import annotations

from django.db import models

from appliance.backup.models import BackupImage
from ground.db.models import BaseModel


class TransferCase(BaseModel):
    """One transfer request and what became of it.

    ::

        requested ──code or file──▶ collected ──key process──▶ installed ──desk knows──▶ reported
            └──────────────────── superseded by a newer request ◀──────┘ (before installed)

    The key process holds the nonce and decides; these rows follow it.
    """

    class State(models.TextChoices):
        REQUESTED = "requested", "waiting for the desk"
        COLLECTED = "collected", "transfer at hand"
        INSTALLED = "installed", "key installed"
        REPORTED = "reported", "the desk knows"
        SUPERSEDED = "superseded", "superseded"

    state = models.CharField(max_length=12, choices=State, default=State.REQUESTED)
    request = models.TextField()
    request_digest = models.CharField(max_length=100, unique=True)
    sent_at = models.DateTimeField(null=True, blank=True)  # None: the request travels by file
    transfer = models.TextField(blank=True)
    receipt = models.TextField(blank=True)
    installed_at = models.DateTimeField(null=True, blank=True)
    reported_at = models.DateTimeField(null=True, blank=True)
    ticket = models.CharField(max_length=100, blank=True)
    source = models.JSONField(default=dict)  # serial, how it ended, customer: from the transfer
    heads = models.JSONField(default=list)  # newest repository heads lodged, as signed documents
    problem = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at",)


class Restore(BaseModel):
    """One restore of one image onto this unit.

    ::

        planned ─▶ copying ─▶ loading ─▶ switching ─▶ done
           └──────────┴──────────┴────────▶ failed | cancelled ─▶ (a new restore)

    Before `switching` everything can be thrown away; from `switching` on it goes forward only. The row
    of the restore stands in the old database and, from the moment of the switch, in the new one too.
    """

    class State(models.TextChoices):
        PLANNED = "planned", "planned"
        COPYING = "copying", "copying content back"
        LOADING = "loading", "loading the database"
        SWITCHING = "switching", "switching over"
        DONE = "done", "done"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"

    RUNNING = (State.PLANNED, State.COPYING, State.LOADING, State.SWITCHING)

    state = models.CharField(max_length=10, choices=State, default=State.PLANNED)
    image_id = models.UUIDField()
    target_id = models.UUIDField()
    job_id = models.UUIDField(null=True, blank=True)
    unit_state_before = models.CharField(max_length=12, blank=True)
    rolled_back_accepted = models.BooleanField(default=False)
    started_by = models.CharField(max_length=200, blank=True)
    generation = models.CharField(max_length=100, blank=True)  # of the scratch database
    counts = models.JSONField(default=dict)  # what came back
    problem = models.JSONField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at",)
        constraints = [
            # The last guard behind the action's own check: one restore at a time.
            models.UniqueConstraint(
                models.Value(1),
                condition=models.Q(state__in=["planned", "copying", "loading", "switching"]),
                name="one_restore_at_a_time",
            ),
        ]


class RecoveryReport(BaseModel):
    """The evidence that closes a ticket: restored, rotated, first new image verified.

    ::

        due ──signed by the key process──▶ signed ──desk took it──▶ delivered
    """

    class State(models.TextChoices):
        DUE = "due", "waits for the first verified new image"
        SIGNED = "signed", "signed"
        DELIVERED = "delivered", "delivered"

    state = models.CharField(max_length=10, choices=State, default=State.DUE)
    restore = models.OneToOneField(Restore, on_delete=models.PROTECT, related_name="report")
    ticket = models.CharField(max_length=100, blank=True)
    document = models.TextField(blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at",)


class ImageListing(BaseModel):
    """That the objects of an image were read from its sealed manifest, and how many there are."""

    image = models.OneToOneField(BackupImage, on_delete=models.CASCADE, related_name="listing")
    object_count = models.PositiveIntegerField()
    listed_at = models.DateTimeField()

    class Meta:
        ordering = ("-listed_at",)


class ListedObject(BaseModel):
    """One object of a listed image: what can be brought back by itself."""

    image = models.ForeignKey(BackupImage, on_delete=models.CASCADE, related_name="listed_objects")
    object_id = models.CharField(max_length=100)
    kind = models.CharField(max_length=40)
    name = models.CharField(max_length=400)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64, blank=True)
    recipe = models.CharField(max_length=64)

    class Meta:
        ordering = ("name", "pk")
        constraints = [
            models.UniqueConstraint(fields=["image", "object_id"], name="one_listing_of_an_object"),
        ]
        indexes = [models.Index(fields=["image", "name"], name="listed_object_by_name")]
