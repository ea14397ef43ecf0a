"""Counts of images without reading images: the figures of summaries come from here, at a cost that grows
with keys and targets and not with images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import IntegerField, Max, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from appliance.backup.models import BackupImage, ImageTally


def tallies() -> QuerySet[Any, Any]:
    """Each count with `newest_at`, when the newest of these images was made: one look into an index."""
    same = BackupImage.objects.filter(
        target=OuterRef("target_id"), key_id=OuterRef("key_id"), state=OuterRef("state")
    )
    newest = same.exclude(made_at=None).order_by("-made_at").values("made_at")[:1]
    return ImageTally.objects.annotate(newest_at=Subquery(newest))


def images_by_key(states: Iterable[str]) -> dict[str, int]:
    """Key id → number of images in these states. One that is only begun names no key yet."""
    rows = ImageTally.objects.filter(state__in=list(states)).exclude(key_id="")
    return dict(rows.values_list("key_id").annotate(total=Sum("images")))


def count_on_target(states: Iterable[str]) -> Coalesce:
    """For a query of targets: how many images in these states each has."""
    rows = ImageTally.objects.filter(target_id=OuterRef("pk"), state__in=list(states)).values("target_id")
    total = rows.annotate(total=Sum("images")).values("total")
    return Coalesce(Subquery(total, output_field=IntegerField()), 0)


def newest_on_target(states: Iterable[str]) -> Subquery:
    """For a query of targets: when the newest image in these states was made."""
    rows = tallies().filter(target_id=OuterRef("pk"), state__in=list(states)).values("target_id")
    return Subquery(rows.annotate(at=Max("newest_at")).values("at"))
