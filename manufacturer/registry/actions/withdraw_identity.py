"""Withdraw a unit's identity, with a reason and a time; it is never given back."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from audit.actor import Actor
from audit.log import record
from ground.db.transitions import swap
from manufacturer.registry.errors import IdentityWithdrawn
from manufacturer.registry.models import Unit

# A heavier reason may follow a lighter one (a failed unit turns out stolen), never the other way.
WEIGHT = {"": 0, "failed": 1, "closed-out": 2, "tampered": 3, "stolen": 3}


Follower = Callable[[Unit], None]
_followers: list[Follower] = []


def on_withdrawn(follower: Follower) -> Follower:
    """Call `follower` inside the transaction of every withdrawal."""
    _followers.append(follower)
    return follower


def withdraw_identity(*, actor: Actor, unit: Unit, reason: str) -> Unit:
    """Raises `IdentityWithdrawn` when it is withdrawn for as heavy a reason already."""
    lighter = [was for was, weight in WEIGHT.items() if weight < WEIGHT[reason]]
    with transaction.atomic():
        if not swap(unit, "withdrawn_reason", lighter, reason, withdrawn_at=timezone.now()):
            unit.refresh_from_db(fields=["withdrawn_reason", "withdrawn_at"])
            raise IdentityWithdrawn(serial=unit.serial, reason=unit.withdrawn_reason)
        for follower in _followers:
            follower(unit)
        record("units.identity-withdrawn", actor=actor, subject=unit.serial, facts={"reason": reason})
    return unit
