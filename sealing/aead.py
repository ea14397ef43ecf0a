"""AES-256-GCM, thinly: the only touch of the cipher (NIST SP 800-38D).

The caller owns the nonce rule and must state it: a fresh random nonce, a counter under a key used for one
pack, or any fixed nonce under a key that seals once. A failed check raises `SealRefused` and gives no
plaintext. GCM does not commit to its key: where a wrong key must be told from damage, use `envelope.py`.
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .errors import Misuse, SealRefused
from .secret import KEY_BYTES, SecretBytes, Unprintable

NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
# Counter nonces start at 0; a fixed nonce is safe only under a key that seals exactly once.
ZERO_NONCE: Final = bytes(NONCE_BYTES)

Buffer = bytes | bytearray | memoryview


class Aead(Unprintable):
    """One AES-256-GCM key, ready to use; safe to share between threads.

    `*_into` releases the GIL and copies nothing.
    """

    __slots__ = ("__cipher",)

    def __init__(self, key: SecretBytes) -> None:
        if len(key) != KEY_BYTES:
            raise Misuse("AES-256 takes 32 bytes")
        self.__cipher = AESGCM(key.reveal())

    def seal(self, nonce: bytes, plaintext: Buffer, aad: bytes) -> bytes:
        """Ciphertext ‖ 16-byte tag."""
        _check_nonce(nonce)
        return self.__cipher.encrypt(nonce, plaintext, aad)

    def open(self, nonce: bytes, sealed: Buffer, aad: bytes) -> bytes:
        """The plaintext, or `SealRefused`."""
        _check_nonce(nonce)
        try:
            return self.__cipher.decrypt(nonce, sealed, aad)
        except (InvalidTag, ValueError) as error:
            raise _refusal() from error

    def encrypt_into(self, nonce: bytes, plaintext: Buffer, aad: bytes, out: bytearray | memoryview) -> int:
        """Write ciphertext ‖ tag into `out`, which has exactly `len(plaintext) + TAG_BYTES` bytes; returns
        that.
        """
        _check_nonce(nonce)
        if memoryview(out).nbytes != memoryview(plaintext).nbytes + TAG_BYTES:
            raise Misuse("out must hold plaintext and tag exactly")
        return self.__cipher.encrypt_into(nonce, plaintext, aad, out)

    def decrypt_into(self, nonce: bytes, sealed: Buffer, aad: bytes, out: bytearray | memoryview) -> int:
        """Write the plaintext into `out`, of exactly `len(sealed) - TAG_BYTES` bytes.

        On refusal `out` is undefined.
        """
        _check_nonce(nonce)
        if memoryview(sealed).nbytes < TAG_BYTES:
            raise _refusal()
        if memoryview(out).nbytes != memoryview(sealed).nbytes - TAG_BYTES:
            raise Misuse("out must hold the plaintext exactly")
        try:
            return self.__cipher.decrypt_into(nonce, sealed, aad, out)
        except (InvalidTag, ValueError) as error:
            raise _refusal() from error


def counter_nonce(counter: int) -> bytes:
    """The `counter`-th nonce under a key used for one object only: 12 bytes big-endian."""
    if not 0 <= counter < 2**32:  # SP 800-38D §8.3: at most 2^32 seals under one key
        raise Misuse("counter outside one key's budget")
    return counter.to_bytes(NONCE_BYTES, "big")


def _check_nonce(nonce: bytes) -> None:
    if len(nonce) != NONCE_BYTES:
        raise Misuse("a nonce has 12 bytes")


def _refusal() -> SealRefused:
    return SealRefused("does-not-open", "wrong key or altered")
