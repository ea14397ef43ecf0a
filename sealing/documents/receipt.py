"""Lodging receipt: the front desk has stored this value or head (docs/formats/lodging-receipt.md)."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Final

from sealing.claims import DocumentDigest, Serial, Time, UuidText, one_of
from sealing.errors import BindingRefused
from sealing.jose import KIB, Form, Signer, digest
from sealing.labels import TYP_LODGING_RECEIPT
from sealing.trust import Trust

from .base import AuthorityDocument

__all__ = ["FORM", "LodgingReceipt", "digest", "issue", "read"]

FORM: Final = Form(TYP_LODGING_RECEIPT, 4 * KIB)


@dataclasses.dataclass(frozen=True, kw_only=True)
class LodgingReceipt(AuthorityDocument):
    """What was lodged, for whom, when."""

    FORM = FORM
    USE = "front-desk"
    id: UuidText
    lodged: Annotated[str, one_of("value", "head")]
    document: DocumentDigest
    serial: Serial
    customer: UuidText
    appliance: UuidText
    iat: Time

    def require_for(self, text: str) -> None:
        """`BindingRefused` unless this is the receipt for that document."""
        if self.document != digest(text):
            raise BindingRefused("document", "a receipt for another document")


def issue(claims: LodgingReceipt, signer: Signer) -> str:
    """Sign a receipt with the front desk's key, once the document is durable."""
    return claims.issue(signer)


def read(text: str, trust: Trust) -> LodgingReceipt:
    """A receipt signed by the front desk."""
    return LodgingReceipt.read_by(text, trust)
