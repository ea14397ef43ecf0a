"""Image manifest: what an image holds, by name, sealed (docs/formats/image-manifest.md).

The manifest is lines of canonical JSON, carried as the chunks of a pack of its own under the image's key.
Names of people and objects stand only here; the clear header has none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from sealing.encoding import canonical_json, from_canonical_json
from sealing.errors import EncodingRefused, HeaderRefused, Misuse
from sealing.kdf import derive
from sealing.secret import Key256

from . import labels
from .ids import CUT_MAX_BYTES, MIB, ChunkNamer, ChunkType
from .keys import SealingKey
from .pack import PACK_BYTES, ChunkDecoder, PackReader, PackWriter, name_fits

FORMAT: Final = "strongroom-manifest"
VERSION: Final = 1
MAX_LINE_BYTES: Final = MIB
MAX_BYTES: Final = 1024 * MIB  # decompressed; more is no manifest of this version (§2)

_HEX32 = re.compile(r"[0-9a-f]{32}\Z")
_HEX64 = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class PackRef:
    """A pack by its digest (SHA-256 of the file, hex), its size, and the data key that opens it."""

    digest: str
    size: int
    data_key: str

    def __post_init__(self) -> None:
        if (
            not _HEX64.match(self.digest)
            or not _HEX32.match(self.data_key)
            or not 0 < self.size <= PACK_BYTES
        ):
            raise EncodingRefused("manifest-pack", "not a reference to a pack")


@dataclass(frozen=True, slots=True)
class ManifestObject:
    """One object of the image. `kind` says what it is ("virtual-image"); `metadata` holds JSON values."""

    kind: str
    id: str
    name: str
    recipe: str
    size: int
    sha256: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _HEX64.match(self.recipe) or self.size < 0 or not self.kind or not self.id:
            raise EncodingRefused("manifest-object", "not a reference to an object")
        if self.sha256 is not None and not _HEX64.match(self.sha256):
            raise EncodingRefused("manifest-object", "not a SHA-256")


@dataclass(frozen=True, slots=True)
class ImageManifest:
    """Everything an image holds. `database` is the recipe of the database stream."""

    image_id: str
    made_at: str
    tenant: str
    database: str
    database_size: int
    objects: tuple[ManifestObject, ...]
    packs: tuple[PackRef, ...]
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _HEX64.match(self.database) or self.database_size < 0:
            raise EncodingRefused("manifest-head", "not a reference to a database stream")
        names = [pack.digest for pack in self.packs]
        if names != sorted(set(names)):
            raise EncodingRefused("manifest-pack", "packs are listed once each, by digest")

    @property
    def data_keys(self) -> tuple[str, ...]:
        """Ids of every data key that a chunk of the image may need, sorted."""
        return tuple(sorted({pack.data_key for pack in self.packs}))

    @property
    def recipes(self) -> tuple[str, ...]:
        """Every recipe of the image, the database's first."""
        return (self.database, *(item.recipe for item in self.objects))


def encode(manifest: ImageManifest) -> Iterator[bytes]:
    """The lines of a manifest (§3)."""
    yield _line(
        {
            "format": FORMAT,
            "version": VERSION,
            "image": manifest.image_id,
            "made_at": manifest.made_at,
            "tenant": manifest.tenant,
            "database": manifest.database,
            "database_size": manifest.database_size,
            "facts": manifest.facts,
        }
    )
    for item in manifest.objects:
        yield _line(
            {
                "object": item.id,
                "kind": item.kind,
                "name": item.name,
                "recipe": item.recipe,
                "size": item.size,
                "sha256": item.sha256,
                "metadata": item.metadata,
            }
        )
    for pack in manifest.packs:
        yield _line({"pack": pack.digest, "size": pack.size, "data_key": pack.data_key})
    yield _line({"end": True, "objects": len(manifest.objects), "packs": len(manifest.packs)})


def decode(lines: Iterable[bytes]) -> ImageManifest:
    """The manifest of these lines, each without its line break."""
    head: dict[str, Any] | None = None
    end: dict[str, Any] | None = None
    objects: list[ManifestObject] = []
    packs: list[PackRef] = []
    for line in lines:
        record = from_canonical_json(line)
        if end is not None:
            raise EncodingRefused("manifest-end", "records after the end")
        if head is None:
            head = _head(record)
        elif "object" in record:
            if packs:
                raise EncodingRefused("manifest-order", "an object after a pack")
            objects.append(_object(record))
        elif "pack" in record:
            packs.append(_pack(record))
        else:
            end = _members(record, end=bool, objects=int, packs=int)
    if head is None or end is None:
        raise EncodingRefused("manifest-end", "the manifest breaks off")
    if end != {"end": True, "objects": len(objects), "packs": len(packs)}:
        raise EncodingRefused("manifest-end", "another count than the records there")
    return ImageManifest(
        head["image"],
        head["made_at"],
        head["tenant"],
        head["database"],
        head["database_size"],
        tuple(objects),
        tuple(packs),
        head["facts"],
    )


def seal_manifest(manifest: ImageManifest, key: SealingKey) -> bytes:
    """The sealed manifest, at most one pack; its SHA-256 stands in the signed header."""
    out = bytearray()
    writer = PackWriter(key, out.extend)
    namer = _namer(key.key)
    clear = b"".join(encode(manifest))
    for start in range(0, len(clear), CUT_MAX_BYTES):
        piece = clear[start : start + CUT_MAX_BYTES]
        encoding, encoded = writer.encode(piece)
        if not writer.fits(len(encoded)):
            raise Misuse("a manifest larger than one pack")
        writer.add(ChunkType.MANIFEST, namer.name(ChunkType.MANIFEST, piece), len(piece), encoding, encoded)
    writer.finish()
    return bytes(out)


def open_manifest(sealed: bytes, key: SealingKey) -> ImageManifest:
    """The manifest, with every record checked; whoever calls has compared its digest with the header's."""
    reader = PackReader(lambda offset, length: sealed[offset : offset + length], len(sealed), lambda _: key)
    return decode(_lines(reader, _namer(key.key)))


def _lines(reader: PackReader, namer: ChunkNamer) -> Iterator[bytes]:
    decoder, rest, total = ChunkDecoder(), b"", 0
    for entry in reader.entries():
        if entry.kind is not ChunkType.MANIFEST:
            raise HeaderRefused("manifest-type", "this pack holds something else than a manifest")
        data = bytes(reader.open_chunk(entry, decoder))
        total += len(data)
        if not name_fits([namer], entry, data):
            raise EncodingRefused("chunk-id", "a chunk is not what its id says")
        if total > MAX_BYTES:
            raise EncodingRefused("manifest-size", "larger than any manifest")
        *whole, rest = (rest + data).split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            raise EncodingRefused("manifest-line", "a record longer than the format allows")
        yield from whole
    if rest:
        raise EncodingRefused("manifest-end", "the last record has no line break")


def _namer(key: Key256) -> ChunkNamer:
    return ChunkNamer(Key256(derive(key, labels.MANIFEST_IDS)))


def _line(record: dict[str, Any]) -> bytes:
    line = canonical_json(record)
    if len(line) > MAX_LINE_BYTES:
        raise Misuse("a manifest record longer than the format allows")
    return line + b"\n"


def _head(record: dict[str, Any]) -> dict[str, Any]:
    if record.get("format") != FORMAT or record.get("version") != VERSION:
        raise HeaderRefused("manifest-version", "not a manifest of this version")
    return _members(
        record,
        format=str,
        version=int,
        image=str,
        made_at=str,
        tenant=str,
        database=str,
        database_size=int,
        facts=dict,
    )


def _object(record: dict[str, Any]) -> ManifestObject:
    _members(
        record,
        object=str,
        kind=str,
        name=str,
        recipe=str,
        size=int,
        sha256=(str, type(None)),
        metadata=dict,
    )
    return ManifestObject(
        record["kind"],
        record["object"],
        record["name"],
        record["recipe"],
        record["size"],
        record["sha256"],
        record["metadata"],
    )


def _pack(record: dict[str, Any]) -> PackRef:
    _members(record, pack=str, size=int, data_key=str)
    return PackRef(record["pack"], record["size"], record["data_key"])


def _members(record: dict[str, Any], **types: type | tuple[type, ...]) -> dict[str, Any]:
    if record.keys() != types.keys():
        raise EncodingRefused("manifest-members", "other members than this record has")
    for name, wanted in types.items():
        if not isinstance(record[name], wanted) or (wanted is int and isinstance(record[name], bool)):
            raise EncodingRefused("manifest-members", "a member of another type", member=name)
    return record


def describe(manifest: ImageManifest) -> str:
    """The manifest as indented JSON, for people who inspect an image offline."""
    return json.dumps([json.loads(line) for line in encode(manifest)], indent=2, ensure_ascii=False)
