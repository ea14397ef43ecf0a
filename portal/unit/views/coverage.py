"""The coverage map: what opens each image, on which targets it lies, how surely, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.permissions import role_required
from appliance.backup.selectors import targets
from appliance.keys.selectors import epochs
from appliance.recovery.coverage import cover_of, covered_images
from appliance.recovery.coverage import coverage as whole
from appliance.recovery.covers import Coverage, EpochCover, ImageCover
from portal.shell.request import PageRequest
from portal.shell.tables import Table
from portal.unit.side import READERS

TONES = {"green": "ok", "amber": "warn", "red": "bad"}
ANSWERS = {
    "green": ("shield-check", "Yes. Every image can be opened without this unit."),
    "amber": ("shield-half", "Yes, but some of it rests on something weak."),
    "red": ("shield-x", "No. There are images that nothing would open."),
}
PAGE_IMAGES = 12  # below the map, which is what the page is for


@dataclass(frozen=True)
class Cell:
    """What one target holds of an image: itself, a copy, or nothing."""

    target: Any
    holds: str  # "image" | "copy" | ""


@dataclass(frozen=True)
class Row:
    image: Any
    cover: ImageCover
    cells: list[Cell]


@require_safe
@never_cache
@role_required(*READERS)
def coverage(request: PageRequest) -> HttpResponse:
    found = whole()
    places = list(targets().order_by("name"))
    known = {row.key_id for row in epochs()}
    table = Table(
        request,
        covered_images().prefetch_related("copies"),
        sorts={"made": "made_at", "epoch": "epoch", "sequence": "sequence"},
        default="-made",
        search=("serial", "key_id"),
        choices={
            "target": ("target", [(str(place.pk), place.name) for place in places]),
            "key": ("key_id", [(cover.key_id, f"epoch {cover.epoch}") for cover in found.epochs]),
        },
        page_rows=PAGE_IMAGES,
    )
    keys = {cover.light for cover in found.epochs}
    opens = "red" if "red" in keys else "amber" if "amber" in keys else "green"
    icon, answer = ANSWERS[opens]
    tone = TONES[found.light]
    if opens == "green" and found.light != "green":
        # Everything opens: what is wrong with a target warns, and does not say no.
        tone, icon, answer = "warn", "shield-half", "Yes, but a target is not as it should be."
    return render(
        request,
        "unit/coverage.html",
        {
            "coverage": found,
            "tone": tone,
            "icon_name": icon,
            "answer": answer if found.images else "There is no image yet.",
            "first": _first(found),
            "places": places,
            "epochs": [_epoch(cover, places, known) for cover in found.epochs],
            "targets": found.targets,
            "table": table,
            "rows": _rows(table.rows, places),
        },
    )


def _first(found: Coverage) -> dict[str, str] | None:
    """The worst thing on the map, and the page where it is mended."""
    for light in ("red", "amber"):
        for epoch in found.epochs:
            if epoch.light == light:
                return {"why": f"Epoch {epoch.epoch}: {epoch.why}", "action": epoch.action,
                        "url": reverse("unit:key", args=[epoch.key_id]) if epoch.state
                        else reverse("unit:backups")}  # fmt: skip
        for target in found.targets:
            if target.light == light:
                return {"why": f"{target.name}: {target.why}", "action": target.action,
                        "url": reverse("unit:target", args=[target.target])}  # fmt: skip
    return None


def _epoch(cover: EpochCover, places: Sequence[Any], known: set[str]) -> dict[str, Any]:
    return {
        "cover": cover,
        "url": reverse("unit:key", args=[cover.key_id]) if cover.key_id in known else "",
        "cells": [(place, cover.by_target.get(str(place.pk), 0)) for place in places],
    }


def _rows(images: Iterable[Any], places: Sequence[Any]) -> list[Row]:
    shown = list(images)
    rows = []
    for image, cover in zip(shown, cover_of(shown), strict=True):
        copied = {copy.target_id for copy in image.copies.all()}
        cells = [Cell(place, _holds(image, place, copied)) for place in places]
        rows.append(Row(image, cover, cells))
    return rows


def _holds(image: Any, place: Any, copied: set[Any]) -> str:
    if image.target_id == place.pk:
        return "image"
    return "copy" if place.pk in copied else ""
