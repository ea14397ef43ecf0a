"""Key material that does not show itself.

A `SecretBytes` refuses every way in which a secret leaks by accident: repr, str, format, pickle, copy, JSON,
bytes(), iteration, hashing. The only way to the bytes is `reveal()`, which is called inside `sealing` and in
the key process and custody, nowhere else (tests/architecture looks for it).

Python cannot wipe `bytes`; so secrets live in short-lived processes without core dumps. That is a stated
limit, not something this module could mend.
"""

from __future__ import annotations

import hmac
import secrets
from typing import ClassVar, Final, NoReturn, Self, SupportsIndex

from .errors import Misuse

KEY_BYTES: Final = 32  # every symmetric key, seed and KEM seed of this product


class SecretExposed(Misuse, TypeError):
    """A secret was about to be printed, copied or serialised.

    A TypeError too, as encoders expect of the unencodable.
    """


def _refuse(what: str) -> NoReturn:
    raise SecretExposed(f"a secret refuses {what}")


class Unprintable:
    """Mixin: no repr, str, format, pickle, copy. For anything that holds a secret."""

    __slots__ = ()

    def __repr__(self) -> str:
        _refuse("repr")

    def __str__(self) -> str:
        _refuse("str")

    def __format__(self, format_spec: str) -> str:
        _refuse("format")

    def __reduce__(self) -> NoReturn:
        _refuse("pickle")

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        _refuse("pickle")

    def __getstate__(self) -> NoReturn:
        _refuse("pickle")

    def __copy__(self) -> NoReturn:
        _refuse("copy")

    def __deepcopy__(self, memo: object) -> NoReturn:
        _refuse("copy")


class SecretBytes(Unprintable):
    """Immutable secret bytes. Equality is constant-time and only between secrets of the same type."""

    __slots__ = ("__material",)
    length: ClassVar[int | None] = None  # exact length that a subclass demands

    def __init__(self, material: bytes | bytearray | memoryview) -> None:
        if not isinstance(material, bytes | bytearray | memoryview):
            raise Misuse("a secret is made of bytes")
        if self.length is not None and memoryview(material).nbytes != self.length:
            raise Misuse(f"this secret has exactly {self.length} bytes")
        self.__material = bytes(material)

    def reveal(self) -> bytes:
        """The bytes. Called only inside `sealing`, the key process and custody."""
        return self.__material

    def __len__(self) -> int:
        return len(self.__material)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return hmac.compare_digest(self.__material, other.__material)

    __hash__ = None  # type: ignore[assignment]  # a hash would be a fingerprint of the secret

    def __bytes__(self) -> bytes:
        _refuse("bytes()")

    def __iter__(self) -> NoReturn:
        _refuse("iteration")

    def __index__(self) -> int:
        _refuse("conversion to a number")


class Key256(SecretBytes):
    """A 32-byte secret: key or seed.

    Subclasses give it a purpose, so that one cannot be passed for another.
    """

    __slots__ = ()
    length = KEY_BYTES

    @classmethod
    def generate(cls) -> Self:
        """A fresh key from the operating system's generator."""
        return cls(secrets.token_bytes(KEY_BYTES))


class BackupSecret(Key256):
    """The 32 bytes of a backup key `K`: the key itself (symmetric) or the seed of a hybrid pair."""

    __slots__ = ()


class DataKey(Key256):
    """Seals the content of one epoch."""

    __slots__ = ()


class IdKey(Key256):
    """Makes a tenant's chunk ids."""

    __slots__ = ()


class KemSeed(Key256):
    """Seed of an ML-KEM-768 + X25519 private key."""

    __slots__ = ()


def same(left: bytes, right: bytes) -> bool:
    """Constant-time comparison of two values of public length."""
    return hmac.compare_digest(left, right)
