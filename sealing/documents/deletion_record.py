"""Deletion record: a unit took an image of its own off a target (docs/formats/deletion-record.md).

It stands in the image's place in the chain: who reads the chain can tell deletion by the unit from loss.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, ClassVar, Final

from sealing.claims import (
    Count,
    DocumentDigest,
    KeyId,
    Serial,
    Time,
    UuidText,
    nullable,
    one_of,
    pattern,
)
from sealing.encoding import JsonObject
from sealing.errors import BindingRefused
from sealing.jose import KIB, Form, Signer, digest
from sealing.labels import TYP_DELETION
from sealing.trust import Trust

from .base import UnitDocument

__all__ = ["FORM", "DeletionRecord", "check_order", "digest", "issue", "read"]

FORM: Final = Form(TYP_DELETION, 8 * KIB, chained=True)
_LINK: Final = pattern(r"[0-9a-f]{64}", "not a SHA-256 in hex")


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeletionRecord(UnitDocument):
    """`link` is what the next header names as `previous`; `previous` what the deleted one named."""

    FORM: ClassVar[Form] = FORM
    serial: Serial
    customer: UuidText
    appliance: UuidText
    target: UuidText
    image: UuidText
    sequence: Count
    header: DocumentDigest
    link: Annotated[str, _LINK]
    previous: Annotated[str | None, nullable(_LINK)]
    key_id: KeyId
    made_at: Time
    expired_at: Time
    reason: Annotated[str, one_of("retention", "by-hand")]
    iat: Time


def issue(claims: DeletionRecord, signer: Signer) -> str:
    """Signed by the unit's identity."""
    check_order(claims.to_json())
    return claims.issue(signer)


def read(text: str, trust: Trust) -> DeletionRecord:
    """A record signed by the unit it names, about a lawful place in its chain."""
    record = DeletionRecord.read_by(text, trust)
    check_order(record.to_json())
    return record


def check_order(claims: JsonObject) -> None:
    """§3: times in order, and `previous` null just for the first of a chain."""
    if not claims["made_at"] <= claims["expired_at"] <= claims["iat"]:
        raise BindingRefused("time", "made, expired and deleted do not follow each other")
    if claims["sequence"] < 1 or (claims["previous"] is None) != (claims["sequence"] == 1):
        raise BindingRefused("sequence", "no lawful place in a chain")
