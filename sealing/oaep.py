"""RSA-OAEP for authority keys that live in a hardware module (docs/formats/README.md §7.2; RFC 8017 §7.1).

OAEP has no `info`, so the plaintext is the 32-byte key followed by the SHA-384 of what HPKE would take as
`info`: label, NUL and the exact bytes of the protected header. SHA-256 is OAEP's hash and MGF1's, the label
is empty because the digest in the plaintext carries all context. Every failure is the same `SealRefused`.
"""

from __future__ import annotations

import hashlib
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from .encoding import Thumbprint, thumbprint_of
from .errors import ChainRefused, Misuse, SealRefused
from .secret import KEY_BYTES, Key256, SecretBytes, Unprintable, same

SUITE_OAEP: Final = "rsa-oaep-sha256"
_DIGEST_BYTES: Final = 48
_SIZES: Final = (3072, 4096)
_PADDING: Final = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
_SPKI: Final = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


class OaepPublicKey:
    """A checked RSA public key: 3072 or 4096 bits, exponent 65537. `raw` is its SubjectPublicKeyInfo."""

    __slots__ = ("_handle", "raw", "thumbprint")

    def __init__(self, handle: rsa.RSAPublicKey) -> None:
        if handle.key_size not in _SIZES or handle.public_numbers().e != 65537:
            raise ChainRefused("rsa-key", "not 3072 or 4096 bits with exponent 65537")
        self._handle: Final = handle
        self.raw: Final = handle.public_bytes(*_SPKI)
        self.thumbprint: Final[Thumbprint] = thumbprint_of(self.raw)

    @classmethod
    def from_bytes(cls, raw: bytes) -> OaepPublicKey:
        """From SubjectPublicKeyInfo in DER, its one text."""
        try:
            handle = serialization.load_der_public_key(raw)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise ChainRefused("rsa-key", "not a public key") from error
        if not isinstance(handle, rsa.RSAPublicKey):
            raise ChainRefused("rsa-key", "not an RSA key")
        key = cls(handle)
        if key.raw != raw:
            raise ChainRefused("rsa-key", "a second text of this key")
        return key

    def seal(self, plaintext: Key256 | bytes, info: bytes) -> bytes:
        """The 32-byte key sealed, bound to `info`."""
        clear = plaintext.reveal() if isinstance(plaintext, Key256) else plaintext
        if len(clear) != KEY_BYTES:
            raise Misuse("this suite seals 32 bytes")
        return self._handle.encrypt(clear + hashlib.sha384(info).digest(), _PADDING)


class OaepPrivateKey(Unprintable):
    """The private half, in memory; the same verbs as a module's."""

    __slots__ = ("__handle", "public")

    def __init__(self, handle: rsa.RSAPrivateKey) -> None:
        self.__handle = handle
        self.public: Final = OaepPublicKey(handle.public_key())

    @classmethod
    def generate(cls, bits: int = 3072) -> OaepPrivateKey:
        """A fresh pair."""
        return cls(rsa.generate_private_key(65537, bits))

    @classmethod
    def from_secret(cls, der: SecretBytes) -> OaepPrivateKey:
        """From PKCS#8 in DER, as `to_secret` gave it."""
        try:
            handle = serialization.load_der_private_key(der.reveal(), None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise ChainRefused("rsa-key", "not a private key") from error
        if not isinstance(handle, rsa.RSAPrivateKey):
            raise ChainRefused("rsa-key", "not an RSA key")
        return cls(handle)

    def to_secret(self) -> SecretBytes:
        """PKCS#8 in DER, to be stored sealed."""
        encryption = serialization.NoEncryption()
        der, pkcs8 = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8
        return SecretBytes(self.__handle.private_bytes(der, pkcs8, encryption))

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """The 32-byte key. One refusal, one message, whatever was wrong: padding, length or context."""
        try:
            clear = self.__handle.decrypt(sealed, _PADDING)
        except ValueError as error:
            raise SealRefused("does-not-open", "wrong key or altered") from error
        if len(clear) != KEY_BYTES + _DIGEST_BYTES or not same(
            clear[KEY_BYTES:], hashlib.sha384(info).digest()
        ):
            raise SealRefused("does-not-open", "wrong key or altered")
        return clear[:KEY_BYTES]
