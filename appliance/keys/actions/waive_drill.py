"""Let a key be used before its value was drilled; marked wherever the key is used."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from appliance.keys.models import DrillWaiver, KeyEpoch
from appliance.keys.refusals import AlreadyWaived, NothingPending
from appliance.keys.selectors import Waivers, epoch, waivers_of
from audit.actor import Actor
from audit.log import record
from jobs.actions import start_job


def waive_drill(*, actor: Actor, key_id: str, why: str) -> Waivers:
    """Add one admin's word. With the last one needed, the rotation goes on by itself."""
    with transaction.atomic():
        key = epoch(key_id)
        if key.state != KeyEpoch.State.PRE_ACTIVATION:
            raise NothingPending(key_id=key_id, state=key.state)
        try:
            with transaction.atomic():
                DrillWaiver.objects.create(
                    key_id=key_id, admin_id=actor.id, admin_name=actor.name, why=why.strip()[:300]
                )
        except IntegrityError as error:
            raise AlreadyWaived(key_id=key_id) from error
        waivers = waivers_of(key)
        facts = {"epoch": key.epoch, "why": why, "given": len(waivers.given), "needed": waivers.needed}
        record("keys.drill-waived", actor=actor, subject=f"key:{key_id}", facts=facts)
        if waivers.enough:
            start_job("keys.rotate", actor=actor, params={"reason": "drill waived"}, subject=f"key:{key_id}")
    return waivers
