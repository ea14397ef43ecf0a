"""Proof of possession: a new unit's identity key speaks for its certification request and device key.

Made once, at the factory, before there is a certificate; the device authority checks it before it signs
anything (docs/formats/possession.md). Possession of the device key itself shows only when it opens something;
until then the identity key's word for it is what there is.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, Final

from sealing.claims import Name, Serial, Time, octets, one_of
from sealing.encoding import B64u, b64u, from_b64u
from sealing.errors import BindingRefused
from sealing.hpke import PUBLIC_BYTES, KemPublicKey
from sealing.identity import MAX_CERTIFICATE, Request, read_request
from sealing.jose import KIB, Form, Signer, digest, parse
from sealing.labels import TYP_POSSESSION

from .base import Document

__all__ = ["FORM", "Possession", "digest", "issue", "read"]

FORM: Final = Form(TYP_POSSESSION, 16 * KIB)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Possession(Document):
    """Everything that a device authority needs to make a unit's identity and device record."""

    FORM = FORM
    serial: Serial
    model: Name
    request: Annotated[B64u, octets(64, MAX_CERTIFICATE)]  # the certification request, DER
    kem_public_key: Annotated[B64u, octets(PUBLIC_BYTES)]
    vault: Annotated[str, one_of("software", "tpm", "module")]
    iat: Time


def issue(
    *, serial: str, model: str, request: bytes, kem: KemPublicKey, vault: str, iat: int, signer: Signer
) -> str:
    """Signed by the identity key itself; the signer is named by that key's thumbprint and has no chain."""
    claims = Possession(
        serial=serial, model=model, request=b64u(request), kem_public_key=b64u(kem.raw), vault=vault, iat=iat
    )
    return claims.issue(signer)


def read(text: str) -> tuple[Possession, Request, KemPublicKey]:
    """The claims, the certification request and the device key, all shown to be the same unit's."""
    # 1–4. Text, encoding, type, members.
    parsed = parse(FORM, text)
    claims = Possession.taken(parsed)
    # 5. The certification request, signed by the key it names. There is no chain yet.
    request = read_request(from_b64u(claims.request))
    # 6. The signature, by that same key.
    parsed.verify(request.key)
    # 7. One serial, one name, a sound device key.
    if parsed.kid != request.key.thumbprint or claims.serial != request.serial:
        raise BindingRefused("serial", "the request is another unit's")
    return claims, request, KemPublicKey.from_bytes(from_b64u(claims.kem_public_key))
