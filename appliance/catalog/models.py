"""Virtual images: disk images that virtual systems start from."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from ground.db.models import BaseModel


class VirtualImage(BaseModel):
    """One virtual image.

    ::

        receiving ──upload complete──▶ waiting ──engine takes it──▶ sealing ──in the store──▶ ready
                                          ▲  ▲                        │
                                          │  └──no active key, cancelled
                                          │                           │ refused: digest, damage, full disk
                                          └──────retried──── failed ◀─┘

    An image from a file of the unit begins in *waiting*; one from a backup image is *ready* at once. `recipe`
    is set exactly when it is ready; then the content lies in the store and the spool's copy is gone.
    """

    class State(models.TextChoices):
        RECEIVING = "receiving", "arriving"
        WAITING = "waiting", "waiting to be sealed"
        SEALING = "sealing", "being sealed"
        READY = "ready", "ready"
        FAILED = "failed", "failed"

    class Source(models.TextChoices):
        UPLOAD = "upload", "upload"
        FILE = "file", "file on the unit"
        BACKUP = "backup", "backup image"

    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, max_length=4000)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="virtual_images"
    )
    owner_name = models.CharField(max_length=200)
    source = models.CharField(max_length=10, choices=Source.choices)
    upload_id = models.UUIDField(
        null=True, unique=True
    )  # of this unit's spool; no foreign key: it may go first
    path = models.CharField(max_length=1000, blank=True)  # of the file, while it is being imported
    declared_sha256 = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=10, choices=State.choices)
    state_changed_at = models.DateTimeField(auto_now=True)
    problem = models.JSONField(default=dict, blank=True)  # Refusal.as_dict() of why it failed or waits
    size = models.BigIntegerField(default=0)
    data_size = models.BigIntegerField(default=0)  # without holes
    new_bytes = models.BigIntegerField(default=0)  # of its data, what the store did not have yet
    sha256 = models.CharField(max_length=64, blank=True)
    recipe = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name = "virtual image"
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=(Q(state="ready") & ~Q(recipe="")) | (~Q(state="ready") & Q(recipe="")),
                name="appliance_catalog_image_recipe_when_ready",
            ),
        ]
        indexes = [
            # With the name, so that a search by name reads the index alone.
            models.Index(fields=["created_at", "name"], name="catalog_image_by_time"),
            models.Index(fields=["state_changed_at"], name="catalog_image_by_change"),
            models.Index(fields=["owner", "created_at"], name="catalog_image_of_owner"),
        ]

    def __str__(self) -> str:
        return self.name
