"""Recovery report: the evidence that a ticket's close-out needs (docs/formats/recovery-report.md)."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Final

from sealing.claims import (
    Claims,
    Count,
    DocumentDigest,
    Epoch,
    KeyId,
    Serial,
    Time,
    UuidText,
    listed,
    nested,
    nullable,
    octets,
)
from sealing.encoding import Digest
from sealing.jose import KIB, Form, Signer, digest
from sealing.labels import TYP_RECOVERY_REPORT
from sealing.trust import Trust

from .base import UnitDocument

__all__ = ["FORM", "NewEpoch", "RecoveryReport", "Restored", "digest", "issue", "read"]

FORM: Final = Form(TYP_RECOVERY_REPORT, 16 * KIB, chained=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Restored(Claims):
    """The image that came back, and how much of it."""

    image: UuidText
    header: DocumentDigest
    sequence: Count
    objects: Count
    size: Count  # bytes of content
    chunks: Count


@dataclasses.dataclass(frozen=True, kw_only=True)
class NewEpoch(Claims):
    """The key that protects from now on. `drill` is null only where the drill was waived."""

    key_id: KeyId
    epoch: Epoch
    values: Annotated[tuple[Digest, ...], listed(octets(48), 1, 8)]
    drill: Annotated[Digest | None, nullable(octets(48))]


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecoveryReport(UnitDocument):
    """Restored, rotated, backed up again."""

    FORM = FORM
    serial: Serial
    customer: UuidText
    appliance: UuidText
    ticket: UuidText
    transfer: DocumentDigest
    restored: Annotated[Restored, nested(Restored)]
    new: Annotated[NewEpoch, nested(NewEpoch)]
    first_image: DocumentDigest  # header of the first verified image under the new key
    iat: Time


def issue(claims: RecoveryReport, signer: Signer) -> str:
    """Signed by the restored unit."""
    return claims.issue(signer)


def read(text: str, trust: Trust) -> RecoveryReport:
    """A report signed by the unit that it names."""
    return RecoveryReport.read_by(text, trust)
