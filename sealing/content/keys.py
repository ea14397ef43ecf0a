"""The keys that seal and open content, as the engine holds them: data keys by id, id keys by tenant.

One data key at most seals; older ones go on opening what they sealed (docs/lifecycle.md, key epochs). A key
id is 16 random bytes, written as 32 hex digits; it names the key and tells nothing about it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from sealing.errors import BindingRefused, Misuse
from sealing.kdf import derive
from sealing.secret import IdKey, Key256, Unprintable

from . import labels

KEY_ID_BYTES: Final = 16
_KEY_ID = re.compile(r"[0-9a-f]{32}\Z")


class NoActiveKey(BindingRefused):
    """No data key is active: nothing may be sealed now."""


class SealingKey(Unprintable):
    """A symmetric key with the id under which packs name it."""

    __slots__ = ("key", "key_id")

    def __init__(self, key_id: str, key: Key256) -> None:
        if not _KEY_ID.match(key_id):
            raise Misuse("a key id is 32 lower-case hex digits")
        self.key_id: Final = key_id
        self.key: Final = key

    @property
    def id_bytes(self) -> bytes:
        """The id as it stands in a pack's header."""
        return bytes.fromhex(self.key_id)


class ContentKeys(Protocol):
    """What the store needs to know of keys. It asks anew for each batch, so a rotation takes effect there."""

    def sealing_key(self) -> SealingKey:
        """The active data key; `NoActiveKey` if there is none."""

    def opening_key(self, key_id: str) -> SealingKey:
        """The data key of that id, whatever its state; `BindingRefused` ("data-key") if it is not held."""

    def id_keys(self, tenant: str) -> Sequence[IdKey]:
        """The tenant's id keys, newest first: the first names new chunks, the others are read only."""


class HeldKeys(Unprintable):
    """`ContentKeys` over keys held in memory."""

    __slots__ = ("_active", "_held", "_id_keys")

    def __init__(
        self,
        active: SealingKey | None,
        held: Mapping[str, Key256],
        id_keys: Mapping[str, IdKey | Sequence[IdKey]],
    ) -> None:
        self._active: Final = active
        self._held: Final = {**held, **({active.key_id: active.key} if active else {})}
        self._id_keys: Final = {
            tenant: (keys,) if isinstance(keys, IdKey) else tuple(keys) for tenant, keys in id_keys.items()
        }

    def sealing_key(self) -> SealingKey:
        if self._active is None:
            raise NoActiveKey("no-active-key", "no data key is active")
        return self._active

    def opening_key(self, key_id: str) -> SealingKey:
        key = self._held.get(key_id)
        if key is None:
            raise BindingRefused("data-key", "sealed under a data key that is not held here", key_id=key_id)
        return SealingKey(key_id, key)

    def id_keys(self, tenant: str) -> Sequence[IdKey]:
        keys = self._id_keys.get(tenant)
        if not keys:
            raise BindingRefused("tenant", "no id key for this tenant", tenant=tenant)
        return keys


def index_pragma(store_key: Key256) -> str:
    """The SQLCipher raw key of the store's index, as its key pragma takes it (docs/formats/pack.md §9)."""
    return "x'" + derive(store_key, labels.STORE_INDEX).hex() + "'"
