"""ECDSA on P-384 with SHA-384, signatures as raw r ‖ s (JWS ES384; RFC 7518 §3.4, FIPS 186-5).

Keys are named by the SHA-256 thumbprint of their uncompressed point (97 bytes), which is also how Web Crypto
exports them. Signatures are malleable (r, n − s verifies too): nothing in this product takes a signature's
bytes as an identity, and digests of documents leave the signature out (docs/formats/README.md §3).
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from .encoding import Thumbprint, thumbprint_of
from .errors import ChainRefused, Misuse, SignatureRefused
from .secret import SecretBytes, Unprintable

SUITE_ES384: Final = "es384"
SIGNATURE_BYTES: Final = 96
POINT_BYTES: Final = 97
SCALAR_BYTES: Final = 48
_ALGORITHM: Final = ec.ECDSA(hashes.SHA384())
_POINT: Final = (serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


class VerifyKey:
    """A public key on P-384."""

    __slots__ = ("handle", "raw", "thumbprint")

    def __init__(self, handle: ec.EllipticCurvePublicKey) -> None:
        if not isinstance(handle.curve, ec.SECP384R1):
            raise ChainRefused("signing-key", "not a key on P-384")
        self.handle: Final = handle
        self.raw: Final = handle.public_bytes(*_POINT)
        self.thumbprint: Final[Thumbprint] = thumbprint_of(self.raw)

    @classmethod
    def from_bytes(cls, raw: bytes) -> VerifyKey:
        """From the 97-byte uncompressed point; points off the curve and other encodings are refused."""
        if len(raw) != POINT_BYTES or raw[0] != 4:
            raise ChainRefused("signing-key", "not an uncompressed point of P-384")
        try:
            return cls(ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), raw))
        except ValueError as error:
            raise ChainRefused("signing-key", "not a point of P-384") from error

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VerifyKey) and other.raw == self.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    def verify(self, message: bytes, signature: bytes) -> None:
        """Return if the raw signature fits; `SignatureRefused` otherwise."""
        if len(signature) != SIGNATURE_BYTES:
            raise SignatureRefused("does-not-fit", "a signature has 96 bytes")
        r, s = int.from_bytes(signature[:48], "big"), int.from_bytes(signature[48:], "big")
        try:
            self.handle.verify(encode_dss_signature(r, s), message, _ALGORITHM)
        except InvalidSignature as error:
            raise SignatureRefused("does-not-fit", "the signature does not fit text and key") from error


class SigningKey(Unprintable):
    """A private key on P-384. Only `handle` is used by `identity.py`; everybody else calls `sign`."""

    __slots__ = ("handle", "public")

    def __init__(self, handle: ec.EllipticCurvePrivateKey) -> None:
        self.handle: Final = handle
        self.public: Final = VerifyKey(handle.public_key())

    @classmethod
    def generate(cls) -> SigningKey:
        """A fresh key."""
        return cls(ec.generate_private_key(ec.SECP384R1()))

    @classmethod
    def from_secret(cls, scalar: SecretBytes) -> SigningKey:
        """From the 48-byte big-endian scalar that `to_secret` gave."""
        if len(scalar) != SCALAR_BYTES:
            raise Misuse("a P-384 scalar has 48 bytes")
        try:
            value = int.from_bytes(scalar.reveal(), "big")
            return cls(ec.derive_private_key(value, ec.SECP384R1()))
        except ValueError as error:
            raise ChainRefused("signing-key", "not a scalar of P-384") from error

    def to_secret(self) -> SecretBytes:
        """The 48-byte scalar, to be stored sealed."""
        return SecretBytes(self.handle.private_numbers().private_value.to_bytes(SCALAR_BYTES, "big"))

    def sign(self, message: bytes) -> bytes:
        """The 96-byte raw signature over SHA-384 of `message`."""
        r, s = decode_dss_signature(self.handle.sign(message, _ALGORITHM))
        return r.to_bytes(48, "big") + s.to_bytes(48, "big")
