"""Small secrets that the web tier takes and only the engine uses (docs/formats/engine-secret.md).

Sealed at once to the engine's public spool key: whoever holds them so can put, never get. The field and the
row they belong to are bound in, so a sealed secret moved to another row opens nowhere.
"""

from __future__ import annotations

from typing import Final

from sealing import labels
from sealing.encoding import b64u, from_b64u
from sealing.errors import EncodingRefused
from sealing.hpke import OVERHEAD_BYTES, KemPrivateKey, KemPublicKey
from sealing.kdf import framed

SECRET_BYTES: Final = 64 * 1024  # the most one secret holds
_STEP: Final = 256  # content is padded to steps, so that its length does not show


def seal(public: KemPublicKey, field: str, row: str, secret: bytes) -> str:
    """The sealed secret as text. `field` names model and field, `row` the row's key."""
    if len(secret) > SECRET_BYTES:
        raise EncodingRefused("secret-size", "larger than a secret may be")
    body = len(secret).to_bytes(4, "big") + secret
    body += bytes(-len(body) % _STEP)
    return b64u(public.seal(body, _info(field, row)))


def open_sealed(private: KemPrivateKey, field: str, row: str, text: str) -> bytes:
    """The secret; `SealRefused` if it was sealed to another unit, for another row, or altered."""
    if len(text) > (SECRET_BYTES + _STEP + OVERHEAD_BYTES + 4) * 4 // 3 + 4:
        raise EncodingRefused("secret-size", "larger than a sealed secret may be")
    body = private.open(from_b64u(text), _info(field, row))
    length = int.from_bytes(body[:4], "big")
    if len(body) % _STEP or length > len(body) - 4 or any(body[4 + length :]):
        raise EncodingRefused("secret-padding", "not padded as the format says")
    return body[4 : 4 + length]


def _info(field: str, row: str) -> bytes:
    return framed(labels.SEAL_ENGINE_SECRET, field.encode(), row.encode())
