"""Move a unit along its life at the desk."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import transaction

from audit.actor import Actor
from audit.log import record
from ground.db.transitions import swap
from manufacturer.registry.errors import UnitMove
from manufacturer.registry.models import Unit

S = Unit.State
MOVES: dict[str, Collection[str]] = {
    S.MANUFACTURED: (S.IN_STOCK, S.RETIRED),
    S.IN_STOCK: (S.RESERVED, S.SHIPPED, S.RETIRED),
    S.RESERVED: (S.IN_STOCK, S.SHIPPED, S.RETIRED),
    S.SHIPPED: (S.IN_SERVICE, S.IN_STOCK, S.FAILED, S.STOLEN, S.RETIRED),
    S.IN_SERVICE: (S.FAILED, S.TAMPERED, S.STOLEN, S.RETIRED),
    S.FAILED: (S.UNDER_REPAIR, S.RETURNED, S.TAMPERED, S.STOLEN, S.RETIRED),
    S.TAMPERED: (S.UNDER_REPAIR, S.RETURNED, S.RETIRED),
    S.STOLEN: (S.RETURNED, S.RETIRED),
    S.UNDER_REPAIR: (S.SHIPPED, S.IN_SERVICE, S.RETURNED, S.RETIRED),
    S.RETURNED: (S.RETIRED,),
    S.RETIRED: (),
}


def move_unit(*, actor: Actor, unit: Unit, to: str, reason: str = "", **sets: Any) -> Unit:
    """One arrow of `Unit`'s life as one compare-and-swap. Raises `UnitMove`."""
    was = unit.state
    with transaction.atomic():
        if to not in MOVES[was] or not swap(unit, "state", was, to, **sets):
            raise UnitMove(serial=unit.serial, state=was, wanted=to, allowed=sorted(MOVES[was]))
        record(
            "units.moved",
            actor=actor,
            subject=unit.serial,
            facts={"from": was, "to": to, "reason": reason},
        )
    return unit
