"""Installation receipt: the unit has installed a transfer and consumed its nonce
(docs/formats/installation.md).
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, Final

from sealing.claims import KEY_ID, DocumentDigest, KeyId, Nonce, Serial, Time, UuidText, Version, listed
from sealing.errors import BindingRefused
from sealing.jose import KIB, Form, Signer, digest
from sealing.labels import TYP_INSTALLATION
from sealing.trust import Trust

from .base import UnitDocument
from .transfer import Transfer

__all__ = ["FORM", "Installation", "digest", "issue", "read"]

FORM: Final = Form(TYP_INSTALLATION, 16 * KIB, chained=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Installation(UnitDocument):
    """Which transfer, of which ticket and attempt, with which keys."""

    FORM = FORM
    serial: Serial
    ticket: UuidText
    attempt: Version
    transfer: DocumentDigest
    nonce: Nonce
    keys: Annotated[tuple[KeyId, ...], listed(KEY_ID, 1, 64)]
    iat: Time

    def require_for(self, transfer: Transfer) -> None:
        """`BindingRefused` unless this is the receipt for that transfer, whole."""
        mine = (self.serial, self.ticket, self.attempt, self.transfer, self.nonce, self.keys)
        theirs = (
            transfer.target.serial,
            transfer.ticket.id,
            transfer.ticket.attempt,
            transfer.digest,
            transfer.target.nonce,
            tuple(key.key_id for key in transfer.keys),
        )
        if mine != theirs:
            raise BindingRefused("document", "a receipt for another transfer")


def issue(transfer: Transfer, *, iat: int, signer: Signer) -> str:
    """Signed by the receiving unit, once keys and nonce are durable."""
    claims = Installation(
        serial=transfer.target.serial,
        ticket=transfer.ticket.id,
        attempt=transfer.ticket.attempt,
        transfer=transfer.digest,
        nonce=transfer.target.nonce,
        keys=tuple(key.key_id for key in transfer.keys),
        iat=iat,
    )
    return claims.issue(signer)


def read(text: str, trust: Trust) -> Installation:
    """A receipt signed by the unit that it names."""
    return Installation.read_by(text, trust)
