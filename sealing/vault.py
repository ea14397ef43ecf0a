"""A vault: what keeps a unit's secrets at rest (docs/formats/vault.md).

A vault seals small secrets into named slots and opens them again. Whatever describes a slot's content stands
in its metadata, which is clear but bound to the seal: a slot's file that was renamed, or whose metadata was
edited, does not open. Behind the interface stands a root secret that only the vault itself can use: a file of
its own here, a chip elsewhere. `class_name` says which, so that whoever approves a transfer to this unit
knows what guards it.

Order of checks when opening: magic, sizes, canonical metadata (encoding); slot name (binding); commitment to
the root; tag. Nothing of the secret is used before all of them.
"""

from __future__ import annotations

import re
import struct
from typing import Final, Protocol

from .encoding import JsonObject, canonical_json, from_canonical_json
from .envelope import OVERHEAD_BYTES, open_under, seal_under
from .errors import BindingRefused, EncodingRefused, Misuse, SealingError
from .labels import Label
from .secret import Key256, Unprintable

VAULT_SLOT: Final = Label(b"strongroom vault slot v1")
MAGIC: Final = b"SRVAULT\x01"  # vault.md §2; the last byte is the format's version
MAX_METADATA_BYTES: Final = 4096
MAX_SECRET_BYTES: Final = 16 << 20  # a keyring with thousands of epochs stays far below
MAX_SLOT_BYTES: Final = len(MAGIC) + 4 + MAX_METADATA_BYTES + OVERHEAD_BYTES + MAX_SECRET_BYTES
_LENGTH: Final = struct.Struct(">I")
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,31}\Z")
_SLOT_MEMBER: Final = "slot"


class VaultGone(SealingError):
    """The vault's root was destroyed: nothing it sealed opens again, on purpose."""


class VaultRoot(Key256):
    """The root secret of a software vault."""

    __slots__ = ()


class RootStore(Protocol):
    """Where the root secret of a software vault is kept. `destroy` is durable when it returns."""

    def read(self) -> VaultRoot:
        """The root, or `VaultGone` when there is none (any more)."""

    def destroy(self) -> None: ...


class Vault(Protocol):
    """What the key process needs of a vault; a chip's vault implements the same four."""

    @property
    def class_name(self) -> str:
        """Shown to people: "software", later "tpm"."""

    def seal(self, slot: str, secret: bytes, metadata: JsonObject) -> bytes:
        """The slot's file: `secret` sealed, `metadata` bound to it in clear."""

    def open(self, slot: str, sealed: bytes) -> tuple[bytes, JsonObject]:
        """Secret and metadata of a slot's file; `Refused` for a file of another slot, vault or content."""

    def zeroise(self) -> None:
        """Destroy the root: nothing sealed before opens again. Idempotent."""


class SoftwareVault(Unprintable):
    """A vault whose root secret is a file. Whoever is root on the machine can extract what it holds."""

    __slots__ = ("__root", "__store")

    class_name: Final = "software"

    def __init__(self, store: RootStore) -> None:
        self.__store = store
        self.__root: VaultRoot | None = store.read()

    def seal(self, slot: str, secret: bytes, metadata: JsonObject) -> bytes:
        if not _NAME.match(slot):
            raise Misuse("a slot's name is lower case letters, digits and dashes")
        if _SLOT_MEMBER in metadata:
            raise Misuse("metadata member 'slot' is the vault's own")
        if len(secret) > MAX_SECRET_BYTES:
            raise Misuse("too large for a slot")
        clear = canonical_json({**metadata, _SLOT_MEMBER: slot})
        if len(clear) > MAX_METADATA_BYTES:
            raise Misuse("too much metadata for a slot")
        head = MAGIC + _LENGTH.pack(len(clear)) + clear
        return head + seal_under(self._live_root(), VAULT_SLOT, secret, head)

    def open(self, slot: str, sealed: bytes) -> tuple[bytes, JsonObject]:
        root = self._live_root()
        head, metadata = _split(sealed)
        if metadata.pop(_SLOT_MEMBER, None) != slot:
            raise BindingRefused("slot", "the file of another slot")
        return open_under(root, VAULT_SLOT, sealed[len(head) :], head), metadata

    def zeroise(self) -> None:
        self.__root = None
        self.__store.destroy()

    def secrets(self) -> tuple[VaultRoot, ...]:
        """The root, for the holder's own scan verb; never to be sent anywhere."""
        return () if self.__root is None else (self.__root,)

    def _live_root(self) -> VaultRoot:
        if self.__root is None:
            raise VaultGone("the vault was zeroised")
        return self.__root


def read_metadata(sealed: bytes) -> JsonObject:
    """The clear metadata of a slot's file, unverified: only for choosing which file to open."""
    return _split(sealed)[1]


def _split(sealed: bytes) -> tuple[bytes, JsonObject]:
    if len(sealed) > MAX_SLOT_BYTES:
        raise EncodingRefused("size", "larger than any slot")
    if not sealed.startswith(MAGIC):
        raise EncodingRefused("magic", "not a vault slot of this version")
    begin = len(MAGIC) + _LENGTH.size
    if len(sealed) < begin:
        raise EncodingRefused("truncated", "ends within its head")
    (size,) = _LENGTH.unpack_from(sealed, len(MAGIC))
    if size > MAX_METADATA_BYTES or len(sealed) < begin + size + OVERHEAD_BYTES:
        raise EncodingRefused("truncated", "ends within its head")
    return sealed[: begin + size], from_canonical_json(sealed[begin : begin + size])
