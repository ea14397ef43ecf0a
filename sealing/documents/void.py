"""Void notice: the front desk takes back one attempt of a ticket (docs/formats/void.md).

It only ever takes away: custody voids the transfer it made for that attempt, or bars the attempt for ever. A
forged notice costs a customer time, never a key.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

from sealing.claims import Count, Time, UuidText, words
from sealing.jose import KIB, Form, Signer, digest
from sealing.labels import TYP_VOID

from .base import AuthorityDocument

if TYPE_CHECKING:
    from sealing.trust import Trust

__all__ = ["FORM", "VoidNotice", "digest", "issue", "read"]

FORM: Final = Form(TYP_VOID, 8 * KIB)


@dataclasses.dataclass(frozen=True, kw_only=True)
class VoidNotice(AuthorityDocument):
    """The attempt that no longer counts, and why."""

    FORM: ClassVar[Form] = FORM
    USE: ClassVar[str] = "front-desk"
    ticket: UuidText
    attempt: Count
    customer: UuidText
    reason: Annotated[str, words(500)]
    iat: Time


def issue(claims: VoidNotice, signer: Signer) -> str:
    """Sign a notice with the front desk's key."""
    return claims.issue(signer)


def read(text: str, trust: Trust) -> VoidNotice:
    """A notice that the front desk signed."""
    return VoidNotice.read_by(text, trust)
