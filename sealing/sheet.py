"""A value on paper: lines with a check each, and the parts that QR codes carry (docs/formats/value-sheet.md).

Nothing here is secret and nothing is believed because of a check: the checks find what was mistyped, left out
or mixed up, and say where. The text that comes out is read as any value, signature first.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sealing.encoding import normalise_pasted
from sealing.errors import EncodingRefused, Misuse
from sealing.labels import SHEET, SHEET_LINE, SHEET_PART, Label

LINE_CHARACTERS: Final = 64  # §2
GROUP_CHARACTERS: Final = 8  # §2
PART_CHARACTERS: Final = 600  # §3
MAX_PARTS: Final = 99  # §3
MAX_TEXT: Final = PART_CHARACTERS * MAX_PARTS
MAX_ROW: Final = 200  # characters typed for one line, spaces and all; longer rows are not looked at
MAX_LINES: Final = -(-MAX_TEXT // LINE_CHARACTERS)
PART_NAME: Final = "strongroom-value-part;v="
PART_MARK: Final = f"{PART_NAME}1;"
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford
_READ_AS: Final = str.maketrans("OIL", "011")
_TEXT: Final = re.compile(r"[A-Za-z0-9_.-]+\Z")
_HEAD: Final = re.compile(
    r"[ \t]*sheet[ \t]+([0-9A-Za-z -]{8,24}?)[ \t]+([0-9]{1,5})[ \t]+lines[ \t]*\Z", re.IGNORECASE
)
_LINE: Final = re.compile(r"[ \t]*([0-9]{1,5})[ \t]+(\S.*?)[ \t]+([0-9A-Za-z]{4})[ \t]*\Z")
_PART: Final = re.compile(r"([0-9A-Z]{8});([1-9][0-9]?)/([1-9][0-9]?);([0-9A-Z]{8});(.+)\Z")


@dataclass(frozen=True, slots=True)
class Line:
    """One printed line."""

    number: int
    text: str
    check: str

    @property
    def groups(self) -> tuple[str, ...]:
        """Its text as it stands on paper."""
        return tuple(
            self.text[at : at + GROUP_CHARACTERS] for at in range(0, len(self.text), GROUP_CHARACTERS)
        )


@dataclass(frozen=True, slots=True)
class Part:
    """What one QR code carries."""

    number: int
    count: int
    text: str  # the whole content of the code


@dataclass(frozen=True, slots=True)
class Sheet:
    """A value's text, cut."""

    id: str
    lines: tuple[Line, ...]
    parts: tuple[Part, ...]

    @property
    def shown_id(self) -> str:
        return f"{self.id[:4]}-{self.id[4:]}"

    @property
    def head(self) -> str:
        return f"sheet {self.shown_id} {len(self.lines)} lines"

    def typed(self) -> str:
        """The whole sheet as a person would type it."""
        width = len(str(len(self.lines)))
        rows = (f"{line.number:0{width}} {' '.join(line.groups)} {line.check}" for line in self.lines)
        return "\n".join([self.head, *rows]) + "\n"


def cut(text: str, *, part_characters: int = PART_CHARACTERS) -> Sheet:
    """The sheet of a value's text. Another size of parts serves the worked example alone."""
    if not _TEXT.match(text) or len(text) > MAX_TEXT:
        raise Misuse("a sheet carries the text of one value")
    name = check(SHEET, 8, text)
    lines = tuple(
        Line(number, piece, check(SHEET_LINE, 4, name, str(number), piece))
        for number, piece in enumerate(_pieces(text, LINE_CHARACTERS), 1)
    )
    pieces = _pieces(text, part_characters)
    parts = tuple(
        Part(number, len(pieces), _part(name, number, len(pieces), piece))
        for number, piece in enumerate(pieces, 1)
    )
    return Sheet(name, lines, parts)


def _part(name: str, number: int, count: int, piece: str) -> str:
    fits = check(SHEET_PART, 8, name, str(number), str(count), piece)
    return f"{PART_MARK}{name};{number}/{count};{fits};{piece}"


def _pieces(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def check(label: Label, characters: int, *parts: str) -> str:
    """The first bits of a digest for people (§1)."""
    joined = b"\0".join([label, *(part.encode("ascii") for part in parts)])
    number = int.from_bytes(hashlib.sha256(joined).digest(), "big") >> (256 - 5 * characters)
    return "".join(_ALPHABET[number >> (5 * at) & 31] for at in reversed(range(characters)))


# ---- reading -----------------------------------------------------------------------------------------------


def is_sheet(text: str) -> bool:
    """Whether this is meant to be read by `read`: it names a part, has a head of lines, or lines alone."""
    if PART_NAME in normalise_pasted(text):
        return True
    rows = [row for row in text.splitlines() if row.strip()]
    return any(_head(row) for row in rows) or (
        len(rows) > 1 and all(len(row) <= MAX_ROW and _LINE.match(row) for row in rows)
    )


def read(text: str) -> str:
    """The value's text out of typed lines or codes' parts; `EncodingRefused` names the wrong one."""
    if PART_NAME in normalise_pasted(text):
        return _read_parts(normalise_pasted(text))
    return _read_lines(text)


def _read_lines(text: str) -> str:
    # 1. The head.
    rows = [row for row in text.splitlines() if row.strip()]
    heads = {head.groups() for row in rows if (head := _head(row))}
    if len(heads) != 1:
        raise EncodingRefused("sheet-head", "one line with the sheet's id and number of lines is needed")
    ((written, count_text),) = heads
    name, count = _as_read(re.sub(r"[ \t-]", "", written)), int(count_text)
    if not 1 <= count <= MAX_LINES or len(name) != 8:
        raise EncodingRefused("sheet-head", "no sheet has such an id or so many lines")
    # 2, 3. Each line by itself.
    found: dict[int, str] = {}
    for place, row in enumerate((row for row in rows if not _head(row)), 1):
        number, piece = _line(row, name, count, place)
        if found.setdefault(number, piece) != piece:
            raise EncodingRefused(
                "sheet-line-twice", f"line {number} stands twice, with different text", line=number
            )
    # 4. All of them.
    _require_all(found, count, "line")
    for number in range(1, count):
        if len(found[number]) != LINE_CHARACTERS:
            raise EncodingRefused("sheet-line", f"line {number} is not whole", line=number)
    return _whole(found, name)


def _head(row: str) -> re.Match[str] | None:
    return _HEAD.match(row) if len(row) <= MAX_ROW else None


def _line(row: str, name: str, count: int, place: int) -> tuple[int, str]:
    matched = _LINE.match(row) if len(row) <= MAX_ROW else None
    if matched is None:
        raise EncodingRefused(
            "sheet-line", f"the {_ordinal(place)} line is not number, text and check", line=place
        )
    number, piece = int(matched[1]), re.sub(r"[ \t]", "", matched[2])
    if not 1 <= number <= count:
        raise EncodingRefused("sheet-line", f"there is no line {number} on this sheet", line=number)
    wrong = not _TEXT.match(piece) or len(piece) > LINE_CHARACTERS
    if wrong or _as_read(matched[3]) != check(SHEET_LINE, 4, name, str(number), piece):
        raise EncodingRefused(
            "sheet-line", f"line {number} does not fit its check: a character is wrong in it", line=number
        )
    return number, piece


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _read_parts(text: str) -> str:
    # 1. The form.
    if not text.startswith(PART_NAME):
        raise EncodingRefused("sheet-part", "something stands before the first part")
    parts: list[tuple[str, int, int, str, str]] = []
    for rest in text.split(PART_NAME)[1:]:
        if not rest.startswith("1;"):
            raise EncodingRefused("sheet-version", "a part of another version")
        matched = _PART.match(rest[2:])
        if matched is None:
            raise EncodingRefused("sheet-part", "a part has not the form of one")
        parts.append((matched[1], int(matched[2]), int(matched[3]), matched[4], matched[5]))
    # 2. One sheet.
    name, _, count, _, _ = parts[0]
    other = next((part for part in parts if part[0] != name or part[2] != count), None)
    if other is not None:
        raise EncodingRefused(
            "sheet-parts-mixed",
            "the parts are of two sheets",
            sheet=name,
            other_sheet=other[0],
            part=other[1],
        )
    # 3, 4. Each part by itself.
    found: dict[int, str] = {}
    for _, number, _, given, piece in parts:
        wrong = number > count or not _TEXT.match(piece) or len(piece) > PART_CHARACTERS
        if wrong or given != check(SHEET_PART, 8, name, str(number), str(count), piece):
            raise EncodingRefused("sheet-part", f"part {number} of {count} is damaged", part=number)
        if found.setdefault(number, piece) != piece:
            raise EncodingRefused(
                "sheet-part-twice", f"part {number} is there twice, with different text", part=number
            )
    # 5. All of them.
    _require_all(found, count, "part")
    return _whole(found, name)


def _require_all(found: dict[int, str], count: int, what: str) -> None:
    lacking = [number for number in range(1, count + 1) if number not in found]
    if lacking:
        many = "s" if len(lacking) > 1 else ""
        raise EncodingRefused(
            f"sheet-{what}-missing",
            f"{what}{many} {_listed(lacking)} of {count} {'are' if many else 'is'} missing",
            missing=_listed(lacking),
            count=count,
        )


def _listed(numbers: Iterable[int]) -> str:
    listed = [str(number) for number in numbers]
    shown = listed if len(listed) <= 12 else [*listed[:12], f"and {len(listed) - 12} more"]
    return ", ".join(shown)


def _whole(found: dict[int, str], name: str) -> str:
    text = "".join(found[number] for number in sorted(found))
    if check(SHEET, 8, text) != name:
        raise EncodingRefused(
            "sheet-total", "every piece fits its check, but the whole is not this sheet's value"
        )
    return text


def _as_read(typed: str) -> str:
    return typed.upper().translate(_READ_AS)
