"""Paste any value or header: what does it belong to?

What the text alone shows is answered precisely to everybody. Whose it is, is answered to staff and to its
owner; to anybody else it is as if nobody knew it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from manufacturer.escrow.models import LodgedValue
from manufacturer.escrow.pasted import Pasted, take_apart
from manufacturer.registry.models import Unit
from manufacturer.registry.selectors import is_staff
from manufacturer.registry.trust import current_trust

if TYPE_CHECKING:
    from accounts.models import User


@dataclass(frozen=True)
class Finding:
    """One thing found. `fault` names layer and reason when the text itself is not good."""

    what: str
    known: bool = False
    serial: str = ""
    customer: str = ""
    appliance: str = ""
    key_id: str = ""
    epoch: int | None = None
    digest: str = ""
    lodged_at: dt.datetime | None = None
    proven_at: dt.datetime | None = None
    ticket: str = ""
    fault: str = ""
    why: str = ""


def identify(*, user: User, text: str) -> list[Finding]:
    """One finding for each document in `text`, and one for each value inside a header."""
    return [_finding(user, pasted) for pasted in take_apart(text, current_trust())]


def _finding(user: User, pasted: Pasted) -> Finding:
    if pasted.fault or pasted.value is None:
        return Finding(what=pasted.what, fault=pasted.fault, why=pasted.why, digest=pasted.digest)
    value = pasted.value
    if not is_staff(user) and str(user.customer_id) != value.customer:
        return Finding(what=pasted.what, digest=value.digest)
    unit = (
        Unit.objects.select_related("customer", "appliance")
        .filter(certificate_thumbprint=value.unit.thumbprint)
        .first()
    )
    lodged = LodgedValue.objects.filter(digest=value.digest).first()
    customer = unit.customer.name if unit and unit.customer else ""
    return Finding(
        what=pasted.what,
        known=unit is not None,
        serial=value.serial,
        customer=customer,
        appliance=unit.appliance.name if unit and unit.appliance else "",
        key_id=value.key_id,
        epoch=value.epoch,
        digest=value.digest,
        lodged_at=lodged.lodged_at if lodged else None,
        proven_at=lodged.proven_at if lodged else None,
    )
