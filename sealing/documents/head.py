"""Repository head: the newest image of one unit on one target (docs/formats/head.md).

Lodged at the desk and carried back in a transfer, it lets a unit without memory tell a rolled-back target.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, Final

from sealing.claims import (
    Count,
    DocumentDigest,
    HeadRef,
    Serial,
    Time,
    UuidText,
    nullable,
    octets,
)
from sealing.encoding import Digest
from sealing.jose import KIB, Form, Signer, digest
from sealing.labels import TYP_HEAD
from sealing.trust import Trust

from .base import UnitDocument

__all__ = ["FORM", "Head", "digest", "issue", "read"]

FORM: Final = Form(TYP_HEAD, 8 * KIB, chained=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Head(UnitDocument):
    """`header` is the digest of the image header at `sequence`; `previous` that of the header before it."""

    FORM = FORM
    serial: Serial
    customer: UuidText
    appliance: UuidText
    target: UuidText
    sequence: Count
    header: DocumentDigest
    previous: Annotated[Digest | None, nullable(octets(48))]
    iat: Time

    def reference(self) -> HeadRef:
        """How a ticket and a transfer name this head."""
        return HeadRef(
            target=self.target, sequence=self.sequence, header=self.header, head=self.digest, made_at=self.iat
        )


def issue(claims: Head, signer: Signer) -> str:
    """Signed by the unit's identity."""
    return claims.issue(signer)


def read(text: str, trust: Trust) -> Head:
    """A head signed by the unit it names."""
    return Head.read_by(text, trust)
