"""The newest schema. 0001 is the older release's; what came since is in the migrations."""

from __future__ import annotations

from django.db import models

from ground.db.models import BaseModel


class Sticker(models.Model):
    """Numbered by the database, as tables of third parties are."""

    text = models.CharField(max_length=40)

    class Meta:
        app_label = "parcels"

    def __str__(self) -> str:
        return self.text


class Parcel(BaseModel):
    """One field of every type that a stream has a form for."""

    title = models.CharField(max_length=80)  # was `name`
    colour = models.CharField(max_length=20, default="grey")  # new, with a default
    slug = models.CharField(max_length=80, null=True)  # noqa: DJ001  # new, filled by a data migration
    inside = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="contents")
    stickers = models.ManyToManyField(Sticker)
    weight = models.DecimalField(max_digits=15, decimal_places=6, null=True)
    big = models.BigIntegerField()
    small = models.IntegerField(null=True)
    ratio = models.FloatField()
    fragile = models.BooleanField(null=True)
    sent_at = models.DateTimeField(null=True)
    day = models.DateField(null=True)
    hour = models.TimeField(null=True)
    took = models.DurationField(null=True)
    facts = models.JSONField(null=True)
    raw = models.BinaryField(null=True)
    note = models.TextField(blank=True)

    class Meta:
        app_label = "parcels"

    def __str__(self) -> str:
        return self.title
