"""What a withdrawn identity means for escrow: custody is told; registered when the desk's apps are ready."""

from __future__ import annotations

import time

from manufacturer.escrow.models import CustodyRequest
from manufacturer.registry.actions.withdraw_identity import on_withdrawn
from manufacturer.registry.models import Unit
from manufacturer.registry.trust import front_desk
from sealing.documents import withdrawal
from sealing.encoding import Thumbprint


@on_withdrawn
def tell_custody(unit: Unit) -> None:
    """Tampered and stolen units are barred there; a failed or closed-out one keeps what it lodged."""
    if unit.withdrawn_reason not in (Unit.Withdrawn.TAMPERED, Unit.Withdrawn.STOLEN):
        return
    notice = withdrawal.Withdrawal(
        serial=unit.serial,
        certificate=Thumbprint(unit.certificate_thumbprint),
        reason=unit.withdrawn_reason,
        iat=int(time.time()),
    )
    CustodyRequest.objects.create(
        kind=CustodyRequest.Kind.WITHDRAW,
        subject=f"{unit.serial} {unit.withdrawn_reason}",
        documents={"notice": withdrawal.issue(notice, front_desk())},
    )
