"""Names of objects in a repository, and the pack list (docs/formats/repository.md §2, §5)."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from appliance.backup.errors import PackListDamaged
from appliance.backup.targets import Target
from appliance.backup.targets.base import ObjectStat

PACK_LIST_BYTES = 64 << 20  # docs/formats/repository.md §5
MANIFEST_BYTES = 64 << 20  # a manifest is one pack at most
LIST_FORMAT = "strongroom-pack-list"
_DIRECTORY = re.compile(r"chains/([0-9a-f]{64})/([0-9]{10})-([0-9a-f]{32})\Z")
_HEADER = re.compile(r"(chains/[0-9a-f]{64}/[0-9]{10}-[0-9a-f]{32})/header\.jws\Z")
_HEX64 = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Place:
    """Where one image's own objects lie."""

    chain: str  # SHA-256 of the signer's certificate, hex
    sequence: int
    image: uuid.UUID

    @property
    def directory(self) -> str:
        return f"chains/{self.chain}/{self.sequence:010d}-{self.image.hex}"

    @property
    def header(self) -> str:
        return f"{self.directory}/header.jws"

    @property
    def manifest(self) -> str:
        return f"{self.directory}/manifest.sealed"

    @property
    def packs(self) -> str:
        return f"{self.directory}/packs.json"

    @property
    def deletion(self) -> str:
        return f"{self.directory}/deletion.jws"

    @classmethod
    def of_header(cls, name: str) -> Place | None:
        """The place a header's name speaks of; None for any other name."""
        found = _HEADER.match(name)
        return None if found is None else cls.of_directory(found.group(1))

    @classmethod
    def of_directory(cls, name: str) -> Place | None:
        found = _DIRECTORY.match(name)
        if found is None or int(found.group(2)) == 0:
            return None
        return cls(found.group(1), int(found.group(2)), uuid.UUID(found.group(3)))


def pack_name(digest: str) -> str:
    """The name of a pack by its digest."""
    if not _HEX64.match(digest):
        raise ValueError("not a digest")
    return f"packs/{digest[:2]}/{digest}.pack"


def quarantine_name(digest: str, found: str) -> str:
    """Where the bytes lie that were found under a pack's name and are not the pack's."""
    return f"quarantine/{digest}/{found}.pack"


def value_name(key_id: str, document: str) -> str:
    """The name of a detached escrow value."""
    return f"values/{key_id}.{hashlib.sha256(document.encode()).hexdigest()}.jws"


def head_name(chain: str, sequence: int) -> str:
    return f"heads/{chain}/{sequence:010d}.jws"


def chain_name(thumbprint: str) -> str:
    """A certificate's thumbprint (base64url, as documents carry it) as it names a chain (hex)."""
    raw = base64.urlsafe_b64decode(thumbprint + "=" * (-len(thumbprint) % 4))
    if len(raw) != 32:
        raise ValueError("not a thumbprint")
    return raw.hex()


def encode_pack_list(image: uuid.UUID, packs: Iterable[tuple[str, int]]) -> bytes:
    """The pack list of an image, sorted, each pack once."""
    listed = sorted(dict(packs).items())
    members = {"format": LIST_FORMAT, "version": 1, "image": str(image), "packs": listed}
    return json.dumps(members, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def decode_pack_list(data: bytes, image: uuid.UUID) -> dict[str, int]:
    """Size by digest; the caller has compared the bytes with the digest in the signed header."""
    try:
        members = json.loads(data)
        packs = {str(digest): int(size) for digest, size in members["packs"]}
    except (ValueError, KeyError, TypeError) as error:
        raise PackListDamaged(image=str(image), why="it cannot be read") from error
    lawful = all(_HEX64.match(digest) and size > 0 for digest, size in packs.items())
    if not lawful or encode_pack_list(image, packs.items()) != data:
        raise PackListDamaged(image=str(image), why="it is not in the one lawful form")
    return packs


def headers_on(target: Target, listing: Iterable[ObjectStat] | None = None) -> list[tuple[Place, str, int]]:
    """Place, name and size of every object that has a header's name, sorted by chain and sequence. `listing`:
    what lies below `chains/`, if it was asked for already."""
    found = []
    for stat in target.list("chains/") if listing is None else listing:
        place = Place.of_header(stat.name)
        if place is not None:
            found.append((place, stat.name, stat.size))
    return sorted(found, key=lambda item: (item[0].chain, item[0].sequence, item[0].image.hex))
