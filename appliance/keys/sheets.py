"""What a value sheet says beside the value itself (docs/formats/value-sheet.md §4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from appliance.keys.models import KeyEpoch
from appliance.keys.selectors import values_of
from appliance.unit.selectors import unit_or_none
from sealing.sheet import Sheet, cut

TITLE = "Strongroom value sheet"
WHAT_IT_IS = (
    "This paper names the backup key of one unit. It is an identifier, not a key: whoever finds it can open "
    "nothing with it, so it may be lost, copied and photographed. Keep it away from the unit."
)
WHAT_TO_DO = (
    "If the unit is lost: open a ticket at the desk and hand this value in. Scan all codes in any order, or "
    "type the lines; either is the whole value. Whoever reads it in is told which line or code is wrong."
)
WHAT_LINES_ARE = "Each line ends with a check of its own; spaces and the order of lines do not matter."


@dataclass(frozen=True, slots=True)
class ValueSheet:
    """One value of a key, with everything that stands on its sheet."""

    serial: str
    appliance: str
    customer: str
    epoch: int
    key_id: str
    authority: str
    digest: str
    proven_how: str  # drilled | waived | ""
    proven_at: datetime | None
    document: str
    sheet: Sheet

    @property
    def proof(self) -> str:
        """The proof in words, with its day."""
        day = f"{self.proven_at:%-d %B %Y}" if self.proven_at else ""
        return {
            "drilled": f"Proven to open on {day}",
            "waived": f"Never proven: the drill was waived on {day}",
        }.get(self.proven_how, "Never proven to open")


def sheets_of(key: KeyEpoch) -> list[ValueSheet]:
    """A sheet for each current value of the key; one for each authority it is sealed to."""
    unit = unit_or_none()
    return [
        ValueSheet(
            serial=unit.serial if unit else "",
            appliance=unit.appliance_name if unit else "",
            customer=unit.customer_name if unit else "",
            epoch=key.epoch,
            key_id=key.key_id,
            authority=value.authority_key_id,
            digest=value.digest,
            proven_how=key.proof_how,
            proven_at=key.proof_at,
            document=value.document,
            sheet=cut(value.document),
        )
        for value in values_of(key)
    ]
