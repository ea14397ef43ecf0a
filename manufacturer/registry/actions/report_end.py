"""A unit ended: failed, tampered or stolen. State and identity go together."""

from __future__ import annotations

from django.db import transaction

from audit.actor import Actor
from manufacturer.registry.actions.move_unit import move_unit
from manufacturer.registry.actions.withdraw_identity import withdraw_identity
from manufacturer.registry.models import Unit


def report_end(*, actor: Actor, unit: Unit, how: str, reason: str = "") -> Unit:
    """`how` is failed, tampered or stolen. Raises `UnitMove` or `IdentityWithdrawn`; both or neither."""
    with transaction.atomic():
        move_unit(actor=actor, unit=unit, to=how, reason=reason)
        withdraw_identity(actor=actor, unit=unit, reason=how)
    return unit
