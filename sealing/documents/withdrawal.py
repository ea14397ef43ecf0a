"""Withdrawal.

The front desk tells custody that an identity is revoked for everything (docs/formats/withdrawal.md).

It only ever takes away, and a custodian can lift what the desk alone has barred; a forged notice costs time.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

from sealing.claims import KeyThumbprint, Serial, Time, one_of
from sealing.jose import KIB, Form, Signer, digest
from sealing.labels import TYP_WITHDRAWAL

from .base import AuthorityDocument

if TYPE_CHECKING:
    from sealing.trust import Trust

__all__ = ["FORM", "Withdrawal", "digest", "issue", "read"]

FORM: Final = Form(TYP_WITHDRAWAL, 4 * KIB)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Withdrawal(AuthorityDocument):
    """Whose identity, why, and when."""

    FORM: ClassVar[Form] = FORM
    USE: ClassVar[str] = "front-desk"
    serial: Serial
    certificate: KeyThumbprint
    reason: Annotated[str, one_of("tampered", "stolen")]
    iat: Time


def issue(claims: Withdrawal, signer: Signer) -> str:
    """Sign a withdrawal with the front desk's key."""
    return claims.issue(signer)


def read(text: str, trust: Trust) -> Withdrawal:
    """A withdrawal that the front desk signed."""
    return Withdrawal.read_by(text, trust)
