"""One image into a single file, and back onto a target (docs/formats/carried-image.md). Needs no key.

Out: the bytes of the file follow from the image, so an attempt that was cut off is continued after its last
whole section. In: everything about the file is checked before the first byte is written anywhere; then the
objects are put in the order of repository.md §4, each once, the header last.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.backup.carried import PART, layout, open_carried
from appliance.backup.carried.errors import (
    CarriedDamaged,
    CarriedElsewhere,
    CarriedExists,
    CarriedMalformed,
    CarriedNoRoom,
    CarriedRefusal,
    CarriedTruncated,
)
from appliance.backup.carried.layout import LF, MAGIC, Section
from appliance.backup.engine import repository
from appliance.backup.engine.repository import Place, chain_name, pack_name, value_name
from appliance.backup.engine.verify import fetch_pack, open_image, read_header
from appliance.backup.errors import ImageForged, ImageOfAnother, NotARepository, ObjectConflict
from appliance.backup.targets import Target
from appliance.backup.targets.marker import MARKER, Marker, read_marker
from ground.files import files
from sealing.content.header import MAX_TEXT_BYTES, ImageHeader
from sealing.documents import image_header
from sealing.documents.image_header import SignedHeader
from sealing.errors import Refused
from sealing.trust import Trust

VALUE_BYTES = 16 << 10  # docs/formats/value.md
Progress = Callable[[str, int, int], object]
Check = Callable[[], object]


# ---- out ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Object:
    """What goes into a section: bytes at hand, or a pack to be fetched."""

    section: Section
    data: bytes | None


def export_image(
    place: Place, target: Target, trust: Trust, path: Path, *, progress: Progress, check: Check
) -> dict[str, Any]:
    """Write the image into `path`, which appears when it is whole; an unfinished attempt is taken up."""
    objects = _objects(place, target, trust)
    sections = [item.section for item in objects]
    end = layout.end_of(layout.head_of(s.name, s.digest, s.size) for s in sections)
    total = sections[-1].end + len(end)
    if path.exists():
        _same_or_refuse(path, sections, total, check)
        return {"file": path.name, "size": total, "sections": len(sections)}
    files().mkdir(path.parent, mode=0o770)
    part = path.with_name(path.name + PART)
    done = _take_up(part, sections, check)
    free = shutil.disk_usage(path.parent).free
    start = sections[done - 1].end if done else 0
    if free < total - start:
        raise CarriedNoRoom(bytes_needed=total - start, bytes_free=free)
    # Web and engine may have user ids of their own: the umask says what their common group may do.
    with files().open_append(part, mode=0o660) as file:
        if not done:
            file.write(MAGIC)
        for item in objects[done:]:
            check()
            section = item.section
            data = item.data or fetch_pack(
                target, _digest_in(section.name), section.size, check
            )  # at most one pack in memory, compared with its digest
            file.write(layout.head_of(section.name, section.digest, section.size))
            file.write(data)
            file.write(LF)
            progress("writing the file", section.end, total)
        file.write(end)
        file.sync()
    files().rename(part, path)
    return {"file": path.name, "size": total, "sections": len(sections)}


def _objects(place: Place, target: Target, trust: Trust) -> list[_Object]:
    """Everything that the image needs, in the order of the format; small objects are at hand."""
    signed = read_header(place, target, trust)
    opened = open_image(place, signed, target, None)
    header = signed.header
    small = [(place.header, signed.text.encode())]
    small += [(value_name(header.key_id, value), value.encode()) for value in header.values]
    small.append((place.packs, target.get_bytes(place.packs, limit=header.pack_list.size)))
    small.append((place.manifest, target.get_bytes(place.manifest, limit=header.manifest.size)))
    packs = sorted(opened.packs.items())
    listed = [(name, hashlib.sha256(data).hexdigest(), len(data)) for name, data in small]
    listed += [(pack_name(digest), digest, size) for digest, size in packs]
    sections = layout.laid_out(listed)
    return [
        _Object(section, small[number][1] if number < len(small) else None)
        for number, section in enumerate(sections)
    ]


def _digest_in(name: str) -> str:
    return name.rsplit("/", 1)[-1].removesuffix(".pack")


def _take_up(part: Path, sections: list[Section], check: Check) -> int:
    """How many whole, right sections an earlier attempt has left; the rest of it is cut off."""
    try:
        descriptor = open_carried(part)
    except CarriedRefusal:
        files().unlink(part, missing_ok=True)
        return 0
    with closing(os.fdopen(descriptor, "rb")):
        done = _whole_sections(descriptor, sections, check)
    files().truncate(part, sections[done - 1].end if done else 0)
    return done


def _whole_sections(descriptor: int, sections: list[Section], check: Check) -> int:
    at = len(MAGIC)
    if os.pread(descriptor, at, 0) != MAGIC:
        return 0
    for number, section in enumerate(sections):
        check()
        head = layout.head_of(section.name, section.digest, section.size)
        if os.pread(descriptor, len(head), at) != head:
            return number
        try:
            for _ in layout.pieces(descriptor, section):
                check()
        except (CarriedTruncated, CarriedDamaged):
            return number
        if os.pread(descriptor, len(LF), section.end - len(LF)) != LF:
            return number
        at = section.end
    return len(sections)


def _same_or_refuse(path: Path, sections: list[Section], total: int, check: Check) -> None:
    """A file of this name is there: fine if it is this very image, whole."""
    with closing(os.fdopen(open_carried(path), "rb")) as file:
        whole = _whole_sections(file.fileno(), sections, check) == len(sections)
        if not whole or os.fstat(file.fileno()).st_size != total:
            raise CarriedExists(name=path.name)


def discard_part(path: Path) -> None:
    """Remove what an attempt that was given up has left."""
    with suppress(OSError):
        files().unlink(path.with_name(path.name + PART), missing_ok=True)


# ---- in ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Carried:
    """A file that was read and believed, and nothing taken from it yet."""

    signed: SignedHeader
    place: Place
    sections: list[Section]

    @property
    def header(self) -> ImageHeader:
        return self.signed.header

    @property
    def marker(self) -> Marker:
        """The repository that the image belongs to."""
        return Marker(uuid.UUID(self.header.chain.target), uuid.UUID(self.header.customer))


def read_carried(
    descriptor: int, trust: Trust, *, customer: uuid.UUID | None, progress: Progress, check: Check
) -> Carried:
    """Steps 1 to 5 of the format: the whole file is read, and nothing is written."""
    # 1, 2. The form, to its end.
    sections = layout.scan(descriptor)
    if not sections:
        raise CarriedMalformed(why="there is no header in it")
    # 3. Whose image it is.
    text = layout.read(descriptor, sections[0], limit=MAX_TEXT_BYTES)
    try:
        signed = image_header.read(text.decode("ascii"), trust)
        place = Place(
            chain_name(signed.certificate.thumbprint),
            signed.header.chain.sequence,
            uuid.UUID(signed.header.image),
        )
        uuid.UUID(signed.header.chain.target), uuid.UUID(signed.header.customer)
    except (Refused, ValueError) as error:
        raise ImageForged(reason=getattr(error, "code", "encoding.id")) from error
    if customer is not None and signed.header.customer != str(customer):
        raise ImageOfAnother(customer=signed.header.customer)
    # 4. The sections are those that header and pack list call for, by their names, in order.
    _check_sections(descriptor, signed.header, place, sections)
    # 5. Every byte.
    total = sections[-1].end
    for section in sections:
        for _ in layout.pieces(descriptor, section):
            check()
        progress("checking the file", section.end, total)
    return Carried(signed, place, sections)


def _check_sections(descriptor: int, header: ImageHeader, place: Place, sections: list[Section]) -> None:
    wanted: list[tuple[str, str | None, int | None]] = [(place.header, None, None)]
    wanted += [
        (value_name(header.key_id, text), hashlib.sha256(text.encode()).hexdigest(), len(text.encode()))
        for text in header.values
    ]
    wanted.append((place.packs, header.pack_list.digest, header.pack_list.size))
    wanted.append((place.manifest, header.manifest.digest, header.manifest.size))
    small = len(wanted)
    if len(sections) < small:
        raise CarriedMalformed(why="sections are missing", sections=len(sections))
    _compare(wanted, sections[:small])
    listing = layout.read(descriptor, sections[small - 2], limit=repository.PACK_LIST_BYTES)
    packs = repository.decode_pack_list(listing, place.image)
    if len(packs) != header.packs or sum(packs.values()) != header.stored_bytes:
        raise CarriedMalformed(why="the pack list does not add up to what the header says")
    if len(sections) != small + len(packs):
        raise CarriedMalformed(why="other packs than the list names", sections=len(sections))
    _compare([(pack_name(digest), digest, size) for digest, size in sorted(packs.items())], sections[small:])


def _compare(wanted: list[tuple[str, str | None, int | None]], sections: list[Section]) -> None:
    for (name, digest, size), section in zip(wanted, sections, strict=True):
        if section.name != name or digest not in (None, section.digest) or size not in (None, section.size):
            raise CarriedMalformed(why="another section than belongs here", section=section.name[:120])


def check_place(carried: Carried, target: Target, *, expected: uuid.UUID | None) -> bool:
    """Whether the target holds the image's repository already; False for an empty place, which may become
    it. Anything else is refused."""
    marker = read_marker(target)
    if marker is None:
        if expected is not None:
            raise NotARepository(why="the repository that was here is gone; is the disk mounted?")
        return False
    if marker != carried.marker:
        raise CarriedElsewhere(found=str(marker.repository), wanted=str(carried.marker.repository))
    return True


def put_carried(
    carried: Carried, descriptor: int, target: Target, *, progress: Progress, check: Check
) -> dict[str, Any]:
    """Step 6. What is there with its size is not read again; the header commits."""
    if read_marker(target) is None:
        target.put_bytes(MARKER, carried.marker.encode())
    values = len(carried.header.values)
    head, small, packs = carried.sections[0], carried.sections[1 : values + 3], carried.sections[values + 3 :]
    total, done, new = sum(pack.size for pack in packs), 0, 0
    for pack in packs:
        check()
        found = target.stat(pack.name)
        if found is None or found.size != pack.size:
            new += target.put(
                pack.name, _checked(descriptor, pack, check), digest=pack.digest, size=pack.size
            )
        done += pack.size
        progress("taking packs in", done, total)
    for section in (*small, head):
        check()
        _put_small(target, section, layout.read(descriptor, section, limit=section.size))
    return {
        "image": carried.header.image,
        "serial": carried.header.serial,
        "packs": len(packs),
        "packs_new": new,
        "packs_there": len(packs) - new,
    }


def _put_small(target: Target, section: Section, data: bytes) -> None:
    try:
        target.put_bytes(section.name, data)
    except ObjectConflict as error:
        raise CarriedElsewhere(object=section.name, why="another object lies under this name") from error


def _checked(descriptor: int, section: Section, check: Check) -> Iterator[bytes]:
    for piece in layout.pieces(descriptor, section):
        check()
        yield piece
