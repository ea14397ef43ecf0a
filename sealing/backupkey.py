"""A backup key `K`, its commitment, and the data keys it wraps (docs/formats/backup-key.md).

`kind` says what the 32 secret bytes are: the key itself (`symmetric`), or the seed of an ML-KEM-768 + X25519
pair (`hybrid`). Everything else runs through the same code. `K` only ever wraps data keys; content is never
sealed under it.
"""

from __future__ import annotations

import secrets
from functools import cached_property
from typing import Final, Literal

from .encoding import B64u, b64u, from_b64u
from .envelope import open_under, seal_under
from .errors import CommitmentRefused, Misuse, SealRefused
from .hpke import KemPrivateKey, KemPublicKey
from .kdf import framed, mac
from .labels import COMMIT_BACKUP_KEY, WRAP_TO_PAIR, WRAP_UNDER_KEY
from .secret import KEY_BYTES, BackupSecret, DataKey, IdKey, Key256, Unprintable, same

Kind = Literal["symmetric", "hybrid"]
KINDS: Final[tuple[Kind, ...]] = ("symmetric", "hybrid")


def new_key_id() -> str:
    """A random identifier for a key: 16 bytes in lower-case hex."""
    return secrets.token_hex(16)


class BackupKey(Unprintable):
    """`K` with its public identity. Unprintable; `key_id`, `epoch`, `kind` and `commitment` are public."""

    def __init__(self, key_id: str, epoch: int, kind: str, secret: Key256) -> None:
        if kind not in KINDS:
            raise Misuse("a backup key is symmetric or hybrid")
        self.key_id: Final = key_id
        self.epoch: Final = epoch
        self.kind: Final[str] = kind
        self.secret: Final = secret if isinstance(secret, BackupSecret) else BackupSecret(secret.reveal())

    @classmethod
    def generate(cls, epoch: int, kind: Kind = "symmetric") -> BackupKey:
        """A fresh key with a fresh id."""
        return cls(new_key_id(), epoch, kind, BackupSecret.generate())

    @cached_property
    def commitment(self) -> B64u:
        """HMAC-SHA256 under `K` over label, key id, epoch and kind (docs/formats/backup-key.md §2).

        32-byte HMAC keys collide with no other 32-byte key, and HMAC-SHA256 is collision resistant in its
        key: two different keys never share a commitment. It tells nothing about `K`.
        """
        return b64u(mac(self.secret, COMMIT_BACKUP_KEY, *self._identity()))

    def check_commitment(self, expected: str) -> None:
        """`CommitmentRefused` unless this is the key that was committed to."""
        if not same(self.commitment.encode(), expected.encode()):
            raise CommitmentRefused("another-key", "opened to another key than the one committed to")

    def _identity(self) -> tuple[bytes, bytes, bytes]:
        return self.key_id.encode(), self.epoch.to_bytes(8, "big"), self.kind.encode()

    @cached_property
    def _pair(self) -> KemPrivateKey:
        if self.kind != "hybrid":
            raise Misuse("a symmetric key has no public half")
        return KemPrivateKey(self.secret)

    @property
    def public(self) -> KemPublicKey | None:
        """The public half of a hybrid key; a unit may wrap with it alone."""
        return self._pair.public if self.kind == "hybrid" else None

    def wrap_data_key(self, data_key_id: str, data_key: DataKey) -> B64u:
        """The data key wrapped to `K`: what stands in an image's header (docs/formats/backup-key.md §3)."""
        return self._wrap(b"data-key", data_key_id, data_key)

    def unwrap_data_key(self, data_key_id: str, wrapped: str) -> DataKey:
        """The data key, or `SealRefused` / `CommitmentRefused`."""
        return DataKey(self._unwrap(b"data-key", data_key_id, wrapped))

    def wrap_id_key(self, id_key_id: str, id_key: IdKey) -> B64u:
        """A tenant's chunk-id key wrapped to `K`."""
        return self._wrap(b"id-key", id_key_id, id_key)

    def unwrap_id_key(self, id_key_id: str, wrapped: str) -> IdKey:
        """The chunk-id key, or `SealRefused` / `CommitmentRefused`."""
        return IdKey(self._unwrap(b"id-key", id_key_id, wrapped))

    def _wrap(self, purpose: bytes, name: str, key: Key256) -> B64u:
        context = (*self._identity(), purpose, name.encode())
        if self.kind == "hybrid":
            return b64u(self._pair.public.seal(key, framed(WRAP_TO_PAIR, *context)))
        return b64u(seal_under(self.secret, WRAP_UNDER_KEY, key.reveal(), *context))

    def _unwrap(self, purpose: bytes, name: str, wrapped: str) -> bytes:
        context = (*self._identity(), purpose, name.encode())
        sealed = from_b64u(wrapped)
        if self.kind == "hybrid":
            clear = self._pair.open(sealed, framed(WRAP_TO_PAIR, *context))
        else:
            clear = open_under(self.secret, WRAP_UNDER_KEY, sealed, *context)
        if len(clear) != KEY_BYTES:
            raise SealRefused("does-not-open", "wrong key or altered")
        return clear
