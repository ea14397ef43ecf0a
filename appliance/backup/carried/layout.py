"""The file around a carried image: magic, sections, end (docs/formats/carried-image.md §1, §3.1-2).

Knows nothing of images: it follows heads by their sizes and says what lies where. Hostile input: nothing is
allocated by a size that the file claims, and a file that was cut off anywhere is told apart from one that was
altered.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from appliance.backup.carried.errors import (
    CarriedDamaged,
    CarriedMalformed,
    CarriedTooNew,
    CarriedTruncated,
    NotCarried,
)
from sealing.content.header import MAX_TEXT_BYTES
from sealing.encoding import JsonObject, canonical_json, from_canonical_json
from sealing.errors import Refused

NAME: Final = b"strongroom-carried-image;v="
MAGIC: Final = NAME + b"1\n"
LF: Final = b"\n"
HEAD_BYTES: Final = 512  # §1
MAX_SECTIONS: Final = 1 << 20  # §3; 64 TiB of packs
MAX_SIZE: Final = 64 << 20  # of one object: a pack, a manifest, a pack list
PIECE: Final = 1 << 20
_HEX64 = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Section:
    """One object: its name in the repository, digest (SHA-256, hex), size, and where its bytes begin."""

    name: str
    digest: str
    size: int
    offset: int

    @property
    def end(self) -> int:
        """Where the next head begins."""
        return self.offset + self.size + len(LF)


def head_of(name: str, digest: str, size: int) -> bytes:
    """A section's head with its LF."""
    return canonical_json({"name": name, "sha256": digest, "size": size}) + LF


def end_of(heads: Iterable[bytes]) -> bytes:
    """The end mark after these heads."""
    found, count = hashlib.sha256(), 0
    for head in heads:
        found.update(head)
        count += 1
    return canonical_json({"end": True, "heads": found.hexdigest(), "sections": count}) + LF


def laid_out(objects: Iterable[tuple[str, str, int]]) -> list[Section]:
    """Where each object (name, digest, size) comes to lie in a file."""
    sections, at = [], len(MAGIC)
    for name, digest, size in objects:
        section = Section(name, digest, size, at + len(head_of(name, digest, size)))
        sections.append(section)
        at = section.end
    return sections


def scan(descriptor: int) -> list[Section]:
    """Every section of a whole file, found by following the heads; reads heads only (§3.1-2)."""
    _check_magic(descriptor)
    sections: list[Section] = []
    at, heads = len(MAGIC), hashlib.sha256()
    while True:
        line = _line(descriptor, at)
        members = _members(line)
        if "end" in members:
            break
        if len(sections) == MAX_SECTIONS:
            raise CarriedMalformed(why="too many sections")
        section = _section(members, at + len(line))
        after = os.pread(descriptor, len(LF), section.offset + section.size)
        if after != LF:
            if after:
                raise CarriedMalformed(why="no line break after a section", at=section.offset + section.size)
            raise CarriedTruncated(section=section.name, size=os.fstat(descriptor).st_size)
        heads.update(line)
        sections.append(section)
        at = section.end
    if members != {"end": True, "heads": heads.hexdigest(), "sections": len(sections)}:
        raise CarriedMalformed(why="the end does not fit the sections")
    if os.fstat(descriptor).st_size != at + len(line):
        raise CarriedMalformed(why="something follows the end")
    return sections


def pieces(descriptor: int, section: Section) -> Iterator[bytes]:
    """The bytes of a section; `CarriedDamaged` at their end if they are not those of the head."""
    found, at, left = hashlib.sha256(), section.offset, section.size
    while left:
        piece = os.pread(descriptor, min(PIECE, left), at)
        if not piece:
            raise CarriedTruncated(section=section.name)
        found.update(piece)
        yield piece
        at, left = at + len(piece), left - len(piece)
    if found.hexdigest() != section.digest:
        raise CarriedDamaged(section=section.name)


def read(descriptor: int, section: Section, *, limit: int) -> bytes:
    """A whole section of at most `limit` bytes."""
    if section.size > limit:
        raise CarriedMalformed(why="larger than its kind may be", section=section.name, size=section.size)
    return b"".join(pieces(descriptor, section))


def header_text(descriptor: int) -> str:
    """The first section of any carried image, cut off or not, as far as it goes: to tell whose it is."""
    _check_magic(descriptor)
    line = _line(descriptor, len(MAGIC))
    section = _section(_members(line), len(MAGIC) + len(line))
    try:
        return read(descriptor, section, limit=MAX_TEXT_BYTES).decode("ascii")
    except UnicodeDecodeError as error:
        raise CarriedMalformed(why="the header is not ASCII") from error


def check_end(descriptor: int) -> None:
    """A quick look whether the file has an end at all; `scan` looks properly."""
    size = os.fstat(descriptor).st_size
    last = os.pread(descriptor, HEAD_BYTES, max(0, size - HEAD_BYTES))
    if not last.endswith(LF) or not last[:-1].rpartition(LF)[2].startswith(b'{"end":true,'):
        raise CarriedTruncated(size=size)


def _check_magic(descriptor: int) -> None:
    begin = os.pread(descriptor, len(MAGIC), 0)
    if begin == MAGIC:
        return
    if MAGIC.startswith(begin):
        raise CarriedTruncated(size=len(begin))
    if begin.startswith(NAME):
        raise CarriedTooNew()
    raise NotCarried()


def _line(descriptor: int, at: int) -> bytes:
    data = os.pread(descriptor, HEAD_BYTES, at)
    line, found, _ = data.partition(LF)
    if not found:
        if len(data) < HEAD_BYTES:
            raise CarriedTruncated(at=at)
        raise CarriedMalformed(why="a head longer than the format allows", at=at)
    return line + LF


def _members(line: bytes) -> JsonObject:
    try:
        return from_canonical_json(line[: -len(LF)])
    except Refused as error:
        raise CarriedMalformed(why="a head that is not canonical JSON", reason=error.code) from error


def _section(members: JsonObject, offset: int) -> Section:
    name, digest, size = members.get("name"), members.get("sha256"), members.get("size")
    if members.keys() != {"name", "sha256", "size"} or not isinstance(name, str):
        raise CarriedMalformed(why="a head with other members", at=offset)
    if not isinstance(digest, str) or not _HEX64.match(digest):
        raise CarriedMalformed(why="a head without a digest", at=offset)
    if not isinstance(size, int) or isinstance(size, bool) or not 0 < size <= MAX_SIZE:
        raise CarriedMalformed(why="a section outside the format's bounds", at=offset)
    return Section(name, digest, size, offset)
