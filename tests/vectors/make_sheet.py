"""Makes sheet.json: `python -m tests.vectors.make_sheet`. Every run gives the same texts.

The texts stand in the place of values: a sheet's checks know nothing of what it carries. Faults are made with
the project's own checks around each, so that nothing but the fault is wrong.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

from sealing import sheet
from sealing.labels import SHEET_LINE, SHEET_PART

FILE = Path(__file__).with_name("sheet.json")
ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
TEXT = "".join(ALPHABET[number * 11 % 64] for number in range(1500)) + ".end"
OTHER = TEXT[::-1]


def make() -> dict[str, Any]:
    made, other = sheet.cut(TEXT), sheet.cut(OTHER)
    head, *rows = made.typed().splitlines()
    _, *other_rows = other.typed().splitlines()
    parts, other_parts = [part.text for part in made.parts], [part.text for part in other.parts]
    vectors: list[dict[str, str]] = []

    def fault(name: str, what: str, code: str, *listed: str) -> None:
        vectors.append({"name": name, "fault": what, "code": code, "text": "\n".join(listed)})

    wrong = rows[6].replace(made.lines[6].check, "0000" if made.lines[6].check != "0000" else "1111")
    swapped = rows[6].replace(made.lines[6].text[:2], made.lines[6].text[1::-1], 1)
    fault(
        "line-check-wrong",
        "another check on line 7",
        "encoding.sheet-line",
        head,
        *rows[:6],
        wrong,
        *rows[7:],
    )
    fault("line-mistyped", "two characters of line 7 swapped", "encoding.sheet-line", head, *rows[:6],
          swapped, *rows[7:])  # fmt: skip
    fault("line-of-another-sheet", "line 7 of another value", "encoding.sheet-line", head, *rows[:6],
          other_rows[6], *rows[7:])  # fmt: skip
    fault("line-renumbered", "line 7 called line 8", "encoding.sheet-line", head, *rows[:6],
          rows[6].replace("07 ", "08 ", 1), *rows[8:])  # fmt: skip
    fault("line-past-the-end", "one line more than the head says", "encoding.sheet-line", head, *rows,
          rows[-1].replace("24 ", "25 ", 1))  # fmt: skip
    fault("line-without-check", "no check on line 7", "encoding.sheet-line", head, *rows[:6],
          rows[6].rsplit(" ", 1)[0], *rows[7:])  # fmt: skip
    fault("line-missing", "no line 7", "encoding.sheet-line-missing", head, *rows[:6], *rows[7:])
    fault("line-twice", "line 7 twice, both fit their check", "encoding.sheet-line-twice", head, *rows,
          _collision(made))  # fmt: skip
    fault("head-missing", "lines alone", "encoding.sheet-head", *rows)
    fault("heads-of-two", "the heads of two sheets", "encoding.sheet-head", head, other.head, *rows)
    fault("no-lines", "a sheet of no lines", "encoding.sheet-head", head.replace("24", "0"))
    fault("part-missing", "no part 2", "encoding.sheet-part-missing", parts[0], parts[2])
    fault(
        "part-damaged",
        "one character of part 2",
        "encoding.sheet-part",
        parts[0],
        _flipped(parts[1]),
        parts[2],
    )
    fault(
        "parts-mixed",
        "part 2 of another value",
        "encoding.sheet-parts-mixed",
        parts[0],
        other_parts[1],
        parts[2],
    )
    fault("part-twice", "part 2 twice, both fit their check", "encoding.sheet-part-twice", *parts,
          _another(made, parts[1]))  # fmt: skip
    fault("part-renumbered", "part 2 called part 3", "encoding.sheet-part", parts[0],
          parts[1].replace(";2/3;", ";3/3;"), parts[2])  # fmt: skip
    fault(
        "part-of-version-2",
        "another version",
        "encoding.sheet-version",
        parts[0].replace("v=1", "v=2"),
        *parts[1:],
    )
    fault("part-without-check", "a member left out", "encoding.sheet-part", *parts[:2], _shorter(parts[2]))
    fault("text-before-the-parts", "something else first", "encoding.sheet-part", "hello", *parts)
    fault("total-wrong", "parts of two texts under one id", "encoding.sheet-total", *parts[:2], _last(made))
    return {
        "provenance": "tests/vectors/make_sheet.py; texts in the place of values, which protect nothing",
        "value": TEXT,
        "id": made.id,
        "lines": made.typed(),
        "parts": parts,
        "vectors": vectors,
    }


def _collision(made: sheet.Sheet) -> str:
    """Another text whose check on line 7 is the same: some 2^20 tries."""
    for letters in itertools.product(ALPHABET, repeat=5):
        piece = "".join(letters) + made.lines[6].text[5:]
        if piece != made.lines[6].text and _line_check(made, piece) == made.lines[6].check:
            return f"07 {piece} {made.lines[6].check}"
    raise AssertionError("no collision")


def _line_check(made: sheet.Sheet, piece: str) -> str:
    return sheet.check(SHEET_LINE, 4, made.id, "7", piece)


def _flipped(part: str) -> str:
    return part[:-1] + ("A" if part[-1] != "A" else "B")


def _another(made: sheet.Sheet, part: str) -> str:
    piece = _flipped(part.rsplit(";", 1)[1])
    return f"{sheet.PART_MARK}{made.id};2/3;{sheet.check(SHEET_PART, 8, made.id, '2', '3', piece)};{piece}"


def _last(made: sheet.Sheet) -> str:
    piece = "another-end"
    return f"{sheet.PART_MARK}{made.id};3/3;{sheet.check(SHEET_PART, 8, made.id, '3', '3', piece)};{piece}"


def _shorter(part: str) -> str:
    members = part.split(";")
    return ";".join([*members[:4], *members[5:]])


if __name__ == "__main__":
    result = make()
    FILE.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")
    print(f"{len(result['vectors'])} vectors, {FILE.stat().st_size} bytes")
