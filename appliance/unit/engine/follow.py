"""Let the unit's row follow what the key process says: identity, owner, authority list, vault."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from django.db import transaction
from django.utils import timezone

from appliance.unit.models import Unit
from audit.actor import Actor
from audit.log import record
from ground.db.transitions import swap


class Said(Protocol):
    """What the key process says of the unit (`appliance.keys.client.Status`)."""

    @property
    def state(self) -> str: ...
    @property
    def serial(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def vault_class(self) -> str: ...
    @property
    def certificate_thumbprint(self) -> str: ...
    @property
    def device_record(self) -> str: ...
    @property
    def spool_public_key(self) -> str: ...
    @property
    def customer(self) -> Mapping[str, str] | None: ...
    @property
    def appliance(self) -> Mapping[str, str] | None: ...
    @property
    def authority_list(self) -> str: ...
    @property
    def authority_list_version(self) -> int: ...
    @property
    def must_rotate(self) -> bool: ...


def follow(said: Said, *, actor: Actor) -> Unit | None:
    """Write what changed; None while there is no identity yet. Idempotent."""
    with transaction.atomic():
        row = Unit.objects.filter(only=True).first()
        if said.state == "tampered":
            return None if row is None else _tampered(row, actor)
        if said.state != "ready":
            return row
        facts = _facts(said)
        if row is None:
            row = Unit.objects.create(**facts)
            record("unit.initialised", actor=actor, subject=row.serial, facts={"vault": row.vault_class})
            return row
        changed = [name for name, value in facts.items() if getattr(row, name) != value]
        if changed:
            for name in changed:
                setattr(row, name, facts[name])
            row.save(update_fields=changed)
            record("unit.followed", actor=actor, subject=row.serial, facts={"changed": sorted(changed)})
        if said.must_rotate and swap(row, "state", Unit.State.IN_SERVICE, Unit.State.MUST_ROTATE):
            facts = {"old": Unit.State.IN_SERVICE.value, "new": Unit.State.MUST_ROTATE.value}
            record("unit.moved", actor=actor, subject=row.serial, facts=facts)
        return row


def _facts(said: Said) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "serial": said.serial,
        "model": said.model,
        "vault_class": said.vault_class,
        "certificate_thumbprint": said.certificate_thumbprint,
        "device_record": said.device_record,
        "spool_public_key": said.spool_public_key,
        "authority_list": said.authority_list,
        "authority_list_version": said.authority_list_version,
    }
    for name, party in (("customer", said.customer), ("appliance", said.appliance)):
        # Compared with what the row holds as UUID, so parsed the same way.
        facts[f"{name}_id"] = None if party is None else _uuid(party["id"])
        facts[f"{name}_name"] = "" if party is None else party["name"]
    return facts


def _uuid(text: str) -> Any:
    return Unit._meta.get_field("customer_id").to_python(text)


def _tampered(row: Unit, actor: Actor) -> Unit:
    before = row.state
    if before not in (Unit.State.TAMPERED, Unit.State.RETIRED) and swap(
        row, "state", before, Unit.State.TAMPERED, state_changed_at=timezone.now()
    ):
        facts = {"old": before, "new": Unit.State.TAMPERED.value}
        record("unit.moved", actor=actor, subject=row.serial, facts=facts)
    return row
