"""How the images of each key stand, summed for the coverage map from the tally that the database keeps."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db.models import Q

from appliance.backup.models import BackupImage
from appliance.backup.needed import NEEDING
from appliance.backup.tally import tallies

S = BackupImage.State
SHOWN = (S.COMMITTED, S.VERIFIED, S.DAMAGED, S.EXPIRED)
_AT_ONCE = 100  # keys asked for in one query: a database bounds the depth of a condition


@dataclass(slots=True)
class Tally:
    """How many images of a key stand where, in which state."""

    states: dict[str, int] = field(default_factory=dict)
    targets: dict[uuid.UUID, dict[str, int]] = field(default_factory=dict)
    newest: tuple[dt.datetime, str, uuid.UUID] | None = None  # when, in which state, on which target
    newest_on: dict[uuid.UUID, dt.datetime] = field(default_factory=dict)

    def add(self, state: str, target: uuid.UUID, count: int, newest: dt.datetime | None) -> None:
        self.states[state] = self.states.get(state, 0) + count
        on = self.targets.setdefault(target, {})
        on[state] = on.get(state, 0) + count
        if newest is not None and state in SHOWN:
            self.newest_on[target] = max(newest, self.newest_on.get(target, newest))
            if self.newest is None or newest > self.newest[0]:
                self.newest = (newest, state, target)

    def count(self, *states: str) -> int:
        return sum(self.states.get(state, 0) for state in states)


def tallies_by_key() -> dict[str, Tally]:
    """Key id → its tally. An image that is only begun names no key yet, and is left out."""
    found: dict[str, Tally] = {}
    rows = tallies().filter(state__in=NEEDING).exclude(key_id="")
    for key_id, state, target, count, newest in rows.values_list(
        "key_id", "state", "target_id", "images", "newest_at"
    ):
        found.setdefault(key_id, Tally()).add(state, target, count, newest)
    return found


def newest_of(tallies: Mapping[str, Tally]) -> dict[str, BackupImage]:
    """The newest image of each key, each by one look into an index."""
    places = [(key_id, *tally.newest) for key_id, tally in tallies.items() if tally.newest is not None]
    found: dict[str, BackupImage] = {}
    for start in range(0, len(places), _AT_ONCE):
        wanted = Q()
        for key_id, made_at, state, target in places[start : start + _AT_ONCE]:
            wanted |= Q(key_id=key_id, state=state, target=target, made_at=made_at)
        for image in BackupImage.objects.filter(wanted).order_by("sequence"):
            found[image.key_id] = image
    return found
