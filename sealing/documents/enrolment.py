"""Enrolment: the front desk tells a new unit whose it is (docs/formats/enrolment.md).

A first installation needs it, because the values that the unit makes name the customer. A replacement learns
its owner from the transfer instead.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from sealing.claims import AParty, KeyThumbprint, Serial, Time
from sealing.errors import BindingRefused
from sealing.identity import UnitCertificate
from sealing.jose import KIB, Form, Signer, digest
from sealing.labels import TYP_ENROLMENT
from sealing.trust import Trust

from .base import AuthorityDocument

__all__ = ["FORM", "Enrolment", "digest", "issue", "read"]

FORM: Final = Form(TYP_ENROLMENT, 4 * KIB)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Enrolment(AuthorityDocument):
    """Unit, customer and appliance."""

    FORM = FORM
    USE = "front-desk"
    serial: Serial
    certificate: KeyThumbprint
    customer: AParty
    appliance: AParty
    iat: Time

    def require_unit(self, unit: UnitCertificate) -> None:
        """`BindingRefused` unless this names that identity."""
        if (self.serial, self.certificate) != (unit.serial, unit.thumbprint):
            raise BindingRefused("serial", "another unit's enrolment")


def issue(claims: Enrolment, signer: Signer) -> str:
    """Sign with the front desk's key."""
    return claims.issue(signer)


def read(text: str, trust: Trust) -> Enrolment:
    """An enrolment signed by the front desk."""
    return Enrolment.read_by(text, trust)
