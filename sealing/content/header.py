"""Image header: the clear, signed page in front of an image (docs/formats/image-header.md).

It says who made the image, under which key, which escrow values and wrapped keys open it, and by digest what
lies beside it. This module knows the claims; `sealing.documents` knows the signature around them. It says
little by intent: no name of a person or an object.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from sealing.errors import EncodingRefused, HeaderRefused

from .ids import KIB

TYP: Final = "strongroom-image-header+jws;v=1"
FORMAT: Final = "strongroom-image"
VERSION: Final = 1
MAX_TEXT_BYTES: Final = 512 * KIB  # a reader takes no more from a target, whatever the size there (§4)
MAX_VALUES: Final = 16

_HEX64 = re.compile(r"[0-9a-f]{64}\Z")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}\Z")

Proof = Literal["drilled", "waived"]


@dataclass(frozen=True, slots=True)
class FileRef:
    """A file beside the header: SHA-256 (hex) and size."""

    digest: str
    size: int

    @classmethod
    def of(cls, data: bytes) -> FileRef:
        """The reference to these bytes."""
        return cls(hashlib.sha256(data).hexdigest(), len(data))

    def check(self, data: bytes, what: str) -> None:
        """`EncodingRefused` unless these are the bytes meant."""
        if len(data) != self.size or hashlib.sha256(data).hexdigest() != self.digest:
            raise EncodingRefused("digest", f"the {what} is not the one the header names", file=what)


@dataclass(frozen=True, slots=True)
class ChainLink:
    """Where the image stands in the chain of its (unit, target). Digests are SHA-256 of header texts, hex."""

    target: str
    sequence: int
    previous: str | None
    parent: str | None = None  # head of the chain that this one continues, from the unit before


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """The claims. What the signer fills in itself (serial, customer, appliance, time) is checked by it."""

    image: str
    serial: str
    customer: str
    appliance: str
    made_at: int  # seconds since 1970, UTC
    started_at: int
    key_id: str
    epoch: int
    values: tuple[str, ...]  # escrow values, each a JWS of its own
    wrapped: dict[str, Any]  # the data keys, id keys and image key under the backup key
    proof: dict[str, Any]  # {"by": "drilled" | "waived", …}
    manifest: FileRef
    pack_list: FileRef
    packs: int
    objects: int
    content_bytes: int
    stored_bytes: int
    migrations: dict[str, str]  # app label → name of its last applied migration
    release: str
    chain: ChainLink

    @property
    def is_waived(self) -> bool:
        """Whether the key's value was never drilled before this image was made."""
        return self.proof.get("by") == "waived"

    def claims(self) -> dict[str, Any]:
        """The JSON claims, to be signed."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "image": self.image,
            "serial": self.serial,
            "customer": self.customer,
            "appliance": self.appliance,
            "made_at": self.made_at,
            "started_at": self.started_at,
            "key_id": self.key_id,
            "epoch": self.epoch,
            "values": list(self.values),
            "wrapped": self.wrapped,
            "proof": self.proof,
            "manifest": {"sha256": self.manifest.digest, "size": self.manifest.size},
            "pack_list": {"sha256": self.pack_list.digest, "size": self.pack_list.size},
            "packs": self.packs,
            "objects": self.objects,
            "content_bytes": self.content_bytes,
            "stored_bytes": self.stored_bytes,
            "migrations": self.migrations,
            "release": self.release,
            "chain": {
                "target": self.chain.target,
                "sequence": self.chain.sequence,
                "previous": self.chain.previous,
                "parent": self.chain.parent,
            },
        }


def parse_claims(claims: dict[str, Any]) -> ImageHeader:
    """The header of verified claims; `HeaderRefused` for another version, `EncodingRefused` for the rest."""
    if claims.get("format") != FORMAT or claims.get("version") != VERSION:
        raise HeaderRefused("image-version", "not an image header of this version")
    read = _Members(
        claims,
        {
            "format", "version", "image", "serial", "customer", "appliance", "made_at", "started_at",
            "key_id", "epoch", "values", "wrapped", "proof", "manifest", "pack_list", "packs", "objects",
            "content_bytes", "stored_bytes", "migrations", "release", "chain",
        },
    )  # fmt: skip
    chain = _Members(read.object("chain"), {"target", "sequence", "previous", "parent"})
    values = read.texts("values")
    proof = read.object("proof")
    if not 0 < len(values) <= MAX_VALUES:
        raise EncodingRefused("image-values", "an image carries at least one escrow value")
    if proof.get("by") not in ("drilled", "waived"):
        raise EncodingRefused("image-proof", "neither drilled nor waived")
    link = ChainLink(
        chain.name("target"), chain.count("sequence"), chain.digest("previous"), chain.digest("parent")
    )
    if link.sequence < 1 or (link.previous is None) != (link.sequence == 1):
        raise EncodingRefused("image-chain", "the first of a chain, and only it, names none before it")
    return ImageHeader(
        image=read.name("image"),
        serial=read.name("serial"),
        customer=read.name("customer"),
        appliance=read.name("appliance"),
        made_at=read.count("made_at"),
        started_at=read.count("started_at"),
        key_id=read.name("key_id"),
        epoch=read.count("epoch"),
        values=values,
        wrapped=read.object("wrapped"),
        proof=proof,
        manifest=_file(read.object("manifest")),
        pack_list=_file(read.object("pack_list")),
        packs=read.count("packs"),
        objects=read.count("objects"),
        content_bytes=read.count("content_bytes"),
        stored_bytes=read.count("stored_bytes"),
        migrations=_migrations(read.object("migrations")),
        release=read.name("release"),
        chain=link,
    )


def read_text(read: Callable[[int], bytes]) -> str:
    """The text of a header file; beyond MAX_TEXT_BYTES it is refused unread, however large it claims to be.

    `read(n)` gives up to n bytes from the file's start.
    """
    data = read(MAX_TEXT_BYTES + 1)
    if len(data) > MAX_TEXT_BYTES:
        raise EncodingRefused("too-large", "larger than any image header", limit=MAX_TEXT_BYTES)
    try:
        return data.decode("ascii")
    except UnicodeDecodeError as error:
        raise EncodingRefused("ascii", "an image header is ASCII") from error


def header_digest(text: str) -> str:
    """SHA-256 of a header's exact text, hex: what the next header of the chain names as `previous`."""
    return hashlib.sha256(text.encode("ascii")).hexdigest()


class _Members:
    """Typed access to exactly these members."""

    def __init__(self, value: dict[str, Any], names: set[str]) -> None:
        if value.keys() != names:
            raise EncodingRefused("image-members", "other members than this format has")
        self._value = value

    def name(self, member: str) -> str:
        value = self._value[member]
        if not isinstance(value, str) or not _NAME.match(value):
            raise _wrong(member)
        return value

    def count(self, member: str) -> int:
        value = self._value[member]
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise _wrong(member)
        return value

    def object(self, member: str) -> dict[str, Any]:
        value = self._value[member]
        if not isinstance(value, dict):
            raise _wrong(member)
        return value

    def texts(self, member: str) -> tuple[str, ...]:
        value = self._value[member]
        if not isinstance(value, list) or not all(isinstance(text, str) and text for text in value):
            raise _wrong(member)
        return tuple(value)

    def digest(self, member: str) -> str | None:
        value = self._value[member]
        if value is not None and (not isinstance(value, str) or not _HEX64.match(value)):
            raise _wrong(member)
        return value


def _file(value: dict[str, Any]) -> FileRef:
    members = _Members(value, {"sha256", "size"})
    digest = members.digest("sha256")
    if digest is None:
        raise _wrong("sha256")
    return FileRef(digest, members.count("size"))


def _migrations(value: dict[str, Any]) -> dict[str, str]:
    if not all(
        isinstance(name, str) and _NAME.match(name) and _NAME.match(app) for app, name in value.items()
    ):
        raise _wrong("migrations")
    return value


def _wrong(member: str) -> EncodingRefused:
    return EncodingRefused("image-members", "a member of another type or form", member=member)
