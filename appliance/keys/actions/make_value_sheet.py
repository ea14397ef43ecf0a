"""Put a key's values on paper. A look at a value is written down before it is shown."""

from __future__ import annotations

from typing import Literal

from django.db import transaction
from django.utils import timezone

from appliance.keys.refusals import NoValue
from appliance.keys.selectors import epoch, values_of
from appliance.keys.sheets import ValueSheet, sheets_of
from audit.actor import Actor
from audit.log import record

Form = Literal["page", "pdf", "text"]


def make_value_sheet(*, actor: Actor, key_id: str, form: Form) -> list[ValueSheet]:
    """The sheets of a key, one for each authority; `form` is how they are looked at."""
    with transaction.atomic():
        key = epoch(key_id)
        sheets = sheets_of(key)
        if not sheets:
            raise NoValue(key_id=key_id)
        values_of(key).update(downloaded_at=timezone.now(), downloaded_by=actor.name)
        record(
            "keys.value-sheet-made",
            actor=actor,
            subject=f"key:{key_id}",
            facts={"epoch": key.epoch, "form": form, "sheets": [made.sheet.shown_id for made in sheets]},
        )
    return sheets
