"""What the coverage map is decided by: keys, values and the pinned list, read once for an answer."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from appliance.keys.models import KeyEpoch, LodgedValue
from appliance.recovery.covers import Light, OnFile, ValueCover
from appliance.unit.selectors import unit_or_none
from sealing.jose import digest, peek


@dataclass(slots=True)
class Known:
    epochs: dict[str, KeyEpoch]
    values: dict[str, LodgedValue]
    authorities: dict[str, str]
    _read: dict[str, ValueCover] = field(default_factory=dict)

    @classmethod
    def gather(cls) -> Known:
        unit = unit_or_none()
        listed = peek(unit.authority_list).claims.get("entries", []) if unit and unit.authority_list else []
        return cls(
            {row.key_id: row for row in KeyEpoch.objects.all()},
            {row.digest: row for row in LodgedValue.objects.select_related("epoch")},
            {str(entry["kid"]): str(entry["state"]) for entry in listed if entry.get("use") == "escrow"},
        )

    def opens(self, key_id: str) -> bool:
        row = self.epochs.get(key_id)
        return row is not None and row.state != KeyEpoch.State.DESTROYED

    def value(self, document: str, *, in_header: bool) -> ValueCover:
        """What may be said of a value; its text was verified when the image's header was."""
        remembered = document if in_header else ""
        if remembered in self._read:
            return self._read[remembered]
        name = str(digest(document))
        row = self.values.get(name)
        authority = str(peek(document).header.get("authority", ""))
        state = self.authorities.get(authority, "unknown")
        on_file: list[OnFile] = []
        if row is not None and row.receipt:
            on_file.append("lodged")
        if row is not None and row.downloaded_at and row.epoch.downloaded:
            on_file.append("downloaded")
        if in_header:
            on_file.append("header")
        light, why = _AUTHORITIES[state]
        cover = ValueCover(
            name,
            authority,
            state,
            tuple(on_file),
            row.lodged_at if row else None,
            row.downloaded_at if row else None,
            light,
            why,
        )
        if remembered:
            self._read[remembered] = cover
        return cover

    def values_in(self, header: str) -> tuple[ValueCover, ...]:
        return tuple(self.value(text, in_header=True) for text in header_of(header).get("values", []))

    def values_of(self, key_id: str) -> tuple[ValueCover, ...]:
        rows = [row for row in self.values.values() if row.current and row.epoch.key_id == key_id]
        return tuple(self.value(row.document, in_header=False) for row in rows)


_AUTHORITIES: dict[str, tuple[Light, str]] = {
    "active": ("green", "The authority key is in force."),
    "retired": ("amber", "The authority key was retired: it opens still, nothing new is sealed to it."),
    "revoked": ("red", "The authority key was revoked."),
    "unknown": ("red", "The authority key is not in the pinned list."),
}


def header_of(text: str) -> dict[str, Any]:
    """Claims of a header that was verified, in its one lawful spelling, when its row was written: here it is
    only taken apart, many on a page."""
    if not text:
        return {}
    payload = text.split(".", 2)[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def proof_of(
    row: KeyEpoch | None, said: Mapping[str, Any] | None, column: str
) -> tuple[str, dt.datetime | None]:
    """The best proof there is: a drill since the image was made counts for the image too, for it is the same
    key; otherwise what its header says."""
    if row is not None and row.proof_how == "drilled":
        return "drilled", row.proof_at
    at = (said or {}).get("at")
    when = dt.datetime.fromtimestamp(at, dt.UTC) if isinstance(at, int) else None
    if row is not None and row.proof_how and column != "drilled":
        return row.proof_how, row.proof_at
    return column, when
