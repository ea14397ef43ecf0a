"""Device record: the device authority vouches for a unit's key-encapsulation key (docs/formats/device-
record.md).
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, Final

from sealing.claims import KeyThumbprint, Name, Serial, Time, octets, one_of
from sealing.encoding import B64u, from_b64u
from sealing.errors import ChainRefused
from sealing.hpke import PUBLIC_BYTES, KemPublicKey
from sealing.jose import KIB, Form, Signer, digest, parse
from sealing.labels import TYP_DEVICE_RECORD
from sealing.trust import Trust

from .base import Document

__all__ = ["FORM", "DeviceRecord", "digest", "issue", "read"]

FORM: Final = Form(TYP_DEVICE_RECORD, 8 * KIB, chained=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeviceRecord(Document):
    """A unit as it left the factory. `vault` says what guards its keys; approvers are shown it."""

    FORM = FORM
    serial: Serial
    model: Name
    certificate: KeyThumbprint
    kem_public_key: Annotated[B64u, octets(PUBLIC_BYTES)]
    kem_thumbprint: KeyThumbprint
    vault: Annotated[str, one_of("software", "tpm", "module")]
    iat: Time

    def kem_key(self) -> KemPublicKey:
        """The key to seal transfers to."""
        return KemPublicKey.from_bytes(from_b64u(self.kem_public_key))


def issue(claims: DeviceRecord, signer: Signer) -> str:
    """Sign with the device authority's key; the signer carries its certificate."""
    _check_key(claims)
    return claims.issue(signer)


def read(text: str, trust: Trust) -> DeviceRecord:
    """A record signed by a device authority under the pinned root."""
    # 1–4. Text, encoding, type, members.
    parsed = parse(FORM, text)
    record = DeviceRecord.taken(parsed)
    # 5. The device authority's certificate, issued by the root and in the list.
    authority = trust.device_authority(parsed.chain)
    if parsed.kid != authority.thumbprint:
        raise ChainRefused("kid", "named for another certificate than it carries")
    # 6. The signature.
    parsed.verify(authority.key)
    # 7. The key is sound and has the thumbprint that other documents name it by.
    _check_key(record)
    return record


def _check_key(record: DeviceRecord) -> None:
    if record.kem_key().thumbprint != record.kem_thumbprint:
        raise ChainRefused("kem-key", "the thumbprint is another key's")
