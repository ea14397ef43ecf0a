"""HPKE with ML-KEM-768 + X25519 (0x647a), SHAKE256, AES-256-GCM (docs/formats/README.md §7).

RFC 9180 with the KEM of draft-ietf-hpke-pq. Base mode, single shot; context is bound by `info` alone. A
private key is its 32-byte seed, expanded by SHAKE256 to the 64 bytes of the ML-KEM-768 seed and the 32 of the
X25519 key. Every failure to open is one `SealRefused`. `require_suite()` runs at start-up: without this suite
nothing runs, and nothing falls back to another.
"""

from __future__ import annotations

import hashlib
from typing import Final

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519

from .encoding import Thumbprint, thumbprint_of
from .errors import ChainRefused, Misuse, SealRefused, SuiteUnavailable
from .secret import KemSeed, Key256, Unprintable

SUITE_HYBRID: Final = "mlkem768x25519-shake256-aes256gcm"  # authority list §2
PUBLIC_BYTES: Final = 1184 + 32  # ML-KEM-768 encapsulation key ‖ X25519 public key
ENC_BYTES: Final = 1088 + 32
OVERHEAD_BYTES: Final = ENC_BYTES + 16

_SUITE: Final = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.SHAKE256, hpke.AEAD.AES_256_GCM)
_PROBE_SCALAR: Final = hashlib.sha256(b"strongroom low-order probe").digest()


class KemPublicKey:
    """A checked ML-KEM-768 + X25519 public key. Make it with `from_bytes`."""

    __slots__ = ("_handle", "raw", "thumbprint")

    def __init__(self, raw: bytes, handle: hpke.MLKEM768X25519PublicKey) -> None:
        self.raw: Final = raw
        self._handle: Final = handle
        self.thumbprint: Final[Thumbprint] = thumbprint_of(raw)

    @classmethod
    def from_bytes(cls, raw: bytes) -> KemPublicKey:
        """Length, ML-KEM's modulus check (FIPS 203 §7.2) and X25519's low-order points are checked here."""
        if len(raw) != PUBLIC_BYTES:
            raise ChainRefused("kem-key", "not a key of this suite")
        try:
            ml = mlkem.MLKEM768PublicKey.from_public_bytes(raw[:1184])
            x = x25519.X25519PublicKey.from_public_bytes(raw[1184:])
            # An exchange with a low-order point gives zero and is refused: such a key would make half of the
            # hybrid void.
            x25519.X25519PrivateKey.from_private_bytes(_PROBE_SCALAR).exchange(x)
        except ValueError as error:
            raise ChainRefused("kem-key", "not a sound key of this suite") from error
        return cls(raw, hpke.MLKEM768X25519PublicKey(ml, x))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KemPublicKey) and other.raw == self.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    def seal(self, plaintext: Key256 | bytes, info: bytes) -> bytes:
        """`enc ‖ ciphertext ‖ tag`; opens only with the private key and the same `info`."""
        _check_info(info)
        clear = plaintext.reveal() if isinstance(plaintext, Key256) else plaintext
        return _SUITE.encrypt(clear, self._handle, info=info)


class KemPrivateKey(Unprintable):
    """The private half, held as its seed."""

    __slots__ = ("__handle", "__seed", "public")

    def __init__(self, seed: Key256) -> None:
        expanded = hashlib.shake_256(seed.reveal()).digest(96)
        ml = mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
        x = x25519.X25519PrivateKey.from_private_bytes(expanded[64:])
        self.__handle = hpke.MLKEM768X25519PrivateKey(ml, x)
        self.__seed = KemSeed(seed.reveal())
        raw = ml.public_key().public_bytes_raw() + x.public_key().public_bytes_raw()
        self.public: Final = KemPublicKey.from_bytes(raw)

    @classmethod
    def generate(cls) -> KemPrivateKey:
        """A fresh pair."""
        return cls(KemSeed.generate())

    def seed(self) -> KemSeed:
        """The seed, to be stored sealed."""
        return self.__seed

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """The plaintext. One refusal whatever was wrong."""
        _check_info(info)
        try:
            return _SUITE.decrypt(sealed, self.__handle, info=info)
        except (InvalidTag, ValueError) as error:
            raise SealRefused("does-not-open", "wrong key or altered") from error


def require_suite() -> None:
    """Seal and open once with a known seed; `SuiteUnavailable` if this machine cannot."""
    try:
        private = KemPrivateKey(KemSeed(bytes(32)))
        opened = private.open(private.public.seal(b"probe", b"strongroom probe"), b"strongroom probe")
    except (UnsupportedAlgorithm, SealRefused) as error:
        raise SuiteUnavailable(
            "ML-KEM-768 + X25519 is missing: cryptography 48 on OpenSSL 3.5 or later"
        ) from error
    if opened != b"probe":
        raise SuiteUnavailable("ML-KEM-768 + X25519 gives wrong results on this machine")


def _check_info(info: bytes) -> None:
    if not info:
        raise Misuse("info carries the whole context; it is never empty")
