"""Transfer request: the unit that is to receive keys asks for them (docs/formats/transfer-request.md)."""

from __future__ import annotations

import dataclasses
import secrets
from typing import Final

from sealing.claims import KeyThumbprint, Nonce, Serial, Time
from sealing.encoding import Thumbprint, b64u
from sealing.errors import BindingRefused
from sealing.jose import KIB, Form, Signer, digest
from sealing.labels import TYP_TRANSFER_REQUEST
from sealing.trust import Trust

from .base import UnitDocument
from .device_record import DeviceRecord

__all__ = ["FORM", "TransferRequest", "digest", "issue", "read"]

FORM: Final = Form(TYP_TRANSFER_REQUEST, 8 * KIB, chained=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TransferRequest(UnitDocument):
    """Serial, device key and a nonce that is used once."""

    FORM = FORM
    serial: Serial
    kem_thumbprint: KeyThumbprint
    nonce: Nonce
    iat: Time

    def require_device(self, record: DeviceRecord) -> None:
        """`BindingRefused` unless the device record vouches for this very unit and key."""
        mine = (self.serial, self.unit.thumbprint, self.kem_thumbprint)
        if mine != (record.serial, record.certificate, record.kem_thumbprint):
            raise BindingRefused("device", "the device record is another unit's or another key's")


def issue(*, serial: str, kem_thumbprint: Thumbprint, iat: int, signer: Signer) -> str:
    """A request with a fresh nonce; the unit keeps the text until the transfer came."""
    nonce = b64u(secrets.token_bytes(32))
    claims = TransferRequest(serial=serial, kem_thumbprint=kem_thumbprint, nonce=nonce, iat=iat)
    return claims.issue(signer)


def read(text: str, trust: Trust) -> TransferRequest:
    """A request signed by the unit that it names."""
    return TransferRequest.read_by(text, trust)
