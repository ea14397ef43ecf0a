"""What a person pasted or uploaded, taken apart: values, and image headers with the values inside."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from sealing import sheet
from sealing.documents import image_header, value
from sealing.encoding import normalise_pasted
from sealing.errors import EncodingRefused, HeaderRefused, Refused
from sealing.jose import digest, peek
from sealing.labels import TYP_VALUE
from sealing.trust import Trust

MOST = 64  # documents in one paste
_APART = re.compile(r"\n\s*\n")  # an empty line stands between two documents

What = Literal["value", "header", "unreadable", "other"]


@dataclass(frozen=True)
class Pasted:
    """One document found. A header's values follow it, each with `from_header`."""

    what: What
    text: str
    digest: str = ""
    value: value.Value | None = None
    header: image_header.SignedHeader | None = None
    from_header: bool = False
    fault: str = ""
    why: str = ""  # the fault in words, where it has a place: a line or a code of a value sheet


def take_apart(text: str, trust: Trust) -> list[Pasted]:
    """Every document in `text`. Bad ones are among them with their fault; nothing is left out in silence.

    Line breaks within one document are forgiven; between two stands an empty line, or each stands on a line.
    Lines or codes of a value sheet are one value (docs/formats/value-sheet.md).
    """
    if sheet.is_sheet(text):
        try:
            text = sheet.read(text)
        except EncodingRefused as refused:
            return [Pasted("unreadable", text, fault=refused.code, why=refused.message)]
    found: list[Pasted] = []
    for piece in _pieces(text)[:MOST]:
        found += _one(piece, trust)
    return found


def _pieces(text: str) -> list[str]:
    blocks = [block for block in _APART.split(text.strip()) if block.strip()] or [text]
    pieces: list[str] = []
    for block in blocks:
        lines = [line.strip() for line in block.splitlines() if line.strip()]
        whole = [line for line in lines if line.count(".") == 2]
        pieces += whole if lines and len(whole) == len(lines) else [normalise_pasted(block)]
    return pieces


def _one(text: str, trust: Trust) -> list[Pasted]:
    try:
        typ = peek(text).typ
    except Refused as refused:
        return [Pasted("unreadable", text, fault=refused.code)]
    if typ == TYP_VALUE:
        return [_value(text, trust, from_header=False)]
    if typ == image_header.FORM.typ:
        return _header(text, trust)
    return [Pasted("other", text, digest(text), fault=HeaderRefused("type").code)]


def _value(text: str, trust: Trust, *, from_header: bool) -> Pasted:
    try:
        read = value.read(text, trust)
    except EncodingRefused as refused:
        return Pasted("value", text, from_header=from_header, fault=refused.code)
    except Refused as refused:
        return Pasted("value", text, digest(text), from_header=from_header, fault=refused.code)
    return Pasted("value", text, read.digest, value=read, from_header=from_header)


def _header(text: str, trust: Trust) -> list[Pasted]:
    try:
        read = image_header.read(text, trust)
    except Refused as refused:
        return [Pasted("header", text, fault=refused.code)]
    inside = [_value(item, trust, from_header=True) for item in read.header.values]
    return [Pasted("header", text, read.digest, header=read), *inside]
