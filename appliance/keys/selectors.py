"""Reading about keys."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from appliance.unit.models import Unit
from appliance.unit.selectors import unit_or_none
from ground.refusals import Missing

from .models import DrillWaiver, KeyEpoch, KeyTransition, LodgedValue, ValueDrill


@dataclass(frozen=True)
class Waivers:
    """How many admins have waived the drill of a key, and how many it takes."""

    given: tuple[DrillWaiver, ...]
    needed: int

    @property
    def enough(self) -> bool:
        return len(self.given) >= self.needed


def epochs() -> QuerySet[KeyEpoch]:
    """All keys, newest epoch first."""
    return KeyEpoch.objects.order_by("-epoch", "-made_at")


def epoch(key_id: str) -> KeyEpoch:
    """One key by key id; `Missing` if there is none."""
    found = KeyEpoch.objects.filter(key_id=key_id).first()
    if found is None:
        raise Missing(thing="key", key_id=key_id)
    return found


def active_epoch() -> KeyEpoch | None:
    """The one key that protects now."""
    return KeyEpoch.objects.filter(state=KeyEpoch.State.ACTIVE).first()


def pending_epoch() -> KeyEpoch | None:
    """The key a rotation is making."""
    return KeyEpoch.objects.filter(state=KeyEpoch.State.PRE_ACTIVATION).order_by("-epoch").first()


def values_of(key: KeyEpoch) -> QuerySet[LodgedValue]:
    """Current values of a key, one for each authority."""
    return key.values.filter(current=True).order_by("authority_key_id")


def drills_of(key: KeyEpoch) -> QuerySet[ValueDrill]:
    return key.drills.order_by("-created_at")


def transitions(key_id: str | None = None) -> QuerySet[KeyTransition]:
    """Arrows taken, newest first."""
    return KeyTransition.objects.filter(Q(key_id=key_id) if key_id else Q()).order_by("-ordinal")


def waivers_of(key: KeyEpoch) -> Waivers:
    """R5: two admins; one for the first key of a unit and while it must rotate."""
    given = tuple(DrillWaiver.objects.filter(key_id=key.key_id).order_by("created_at"))
    return Waivers(given, waivers_needed())


def waivers_needed() -> int:
    first = not KeyTransition.objects.filter(new=KeyEpoch.State.ACTIVE).exists()
    row = unit_or_none()
    must = row is not None and row.state == Unit.State.MUST_ROTATE
    return 1 if first or must else 2


def may_seal() -> bool:
    """Whether a backup can be made now as far as keys go."""
    row = unit_or_none()
    return row is not None and row.state == Unit.State.IN_SERVICE and active_epoch() is not None
