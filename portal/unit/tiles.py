"""The tiles at the head of the backups: four things to know, each with where it is looked after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from appliance.backup import selectors
from appliance.schedules.selectors import schedules
from portal.shell.states import look
from portal.shell.templatetags.strongroom import number, size, when


@dataclass(frozen=True)
class Tile:
    """One figure. `url_name`: the page behind it, or nothing."""

    label: str
    value: Any
    note: str
    icon: str
    tone: str
    url_name: str = ""


def backup_tiles() -> list[Tile]:
    """Newest image, images, next run, targets; counted by the rows of targets, not of images."""
    places = list(selectors.targets().order_by("name"))
    return [_newest(), _count(places), _next_run(), _targets(places)]


def _newest() -> Tile:
    image = selectors.images().filter(own=True).exclude(made_at=None).order_by("-made_at").first()
    if image is None:
        return Tile("Last backup", "Never", "all content is lost if the unit is", "archive", "bad")
    shown = look("image", image.state)
    note = f"{shown.word}, {size(image.content_bytes)} onto {image.target.name}"
    return Tile("Last backup", when(image.made_at), note, "archive", shown.tone)


def _count(places: list[Any]) -> Tile:
    count = sum(place.image_count for place in places)
    holding = sum(place.image_count > 0 for place in places)
    note = f"usable, on {holding} target{'' if holding == 1 else 's'}"
    return Tile("Images", number(count), note, "stack-2", "ok" if count else "bad")


def _next_run() -> Tile:
    rows = schedules().filter(enabled=True, task="backup").exclude(next_due_at=None)
    due = rows.order_by("next_due_at").first()
    if due is None:
        return Tile("Next run", "None", "nothing is backed up by itself", "clock", "warn", "unit:schedules")
    note = f"{due.name} onto {due.target_name}"
    return Tile("Next run", when(due.next_due_at), note, "clock", "info", "unit:schedules")


def _targets(places: list[Any]) -> Tile:
    refused = [place for place in places if place.state == "refused"]
    ready = sum(place.state == "ready" for place in places)
    note, tone = ("all of them answer", "ok") if ready else ("add one outside this unit", "bad")
    if refused:
        note, tone = f"{refused[0].name}: {(refused[0].problem or {}).get('title', 'not usable')}", "bad"
    return Tile("Targets", f"{ready} of {len(places)} ready", note, "database", tone, "unit:targets")
