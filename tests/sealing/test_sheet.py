"""Value sheets: vectors of one fault each, and what a person may do to a sheet without harm."""

from __future__ import annotations

import itertools
import json
import random
from typing import Any

import pytest

from sealing import sheet
from sealing.errors import EncodingRefused, Misuse
from tests.vectors.make_sheet import FILE

STORED: dict[str, Any] = json.loads(FILE.read_text())
TEXT: str = STORED["value"]


@pytest.mark.parametrize("vector", STORED["vectors"], ids=lambda vector: vector["name"])
def test_a_sheet_with_one_fault_is_refused_by_its_code(vector: dict[str, str]) -> None:
    assert sheet.is_sheet(vector["text"])
    with pytest.raises(EncodingRefused) as caught:
        sheet.read(vector["text"])
    assert caught.value.code == vector["code"]


def test_the_refusal_names_the_line_or_part() -> None:
    by_name = {vector["name"]: vector["text"] for vector in STORED["vectors"]}
    said = {
        "line-check-wrong": {"line": 7},
        "line-mistyped": {"line": 7},
        "line-of-another-sheet": {"line": 7},
        "line-missing": {"missing": "7", "count": 24},
        "part-missing": {"missing": "2", "count": 3},
        "part-damaged": {"part": 2},
        "parts-mixed": {"part": 2, "sheet": STORED["id"], "other_sheet": sheet.cut(TEXT[::-1]).id},
    }
    for name, facts in said.items():
        with pytest.raises(EncodingRefused) as caught:
            sheet.read(by_name[name])
        assert caught.value.facts == facts


def test_the_stored_sheet_is_what_is_made_and_is_read_back() -> None:
    made = sheet.cut(TEXT)
    assert (made.id, made.typed(), [part.text for part in made.parts]) == (
        STORED["id"],
        STORED["lines"],
        STORED["parts"],
    )
    assert sheet.read(made.typed()) == TEXT
    assert sheet.read("\n".join(part.text for part in made.parts)) == TEXT


def test_parts_are_taken_in_any_order_broken_over_lines_and_more_than_once() -> None:
    parts = STORED["parts"]
    for order in itertools.permutations(parts):
        assert sheet.read("\r\n\r\n".join(order)) == TEXT
    broken = "\n".join(part[at : at + 40] for part in [*parts, parts[1]] for at in range(0, len(part), 40))
    assert sheet.read(broken) == TEXT


def test_lines_are_taken_in_any_order_with_spaces_anywhere_and_checks_as_people_write_them() -> None:
    head, *rows = STORED["lines"].splitlines()
    random.Random(7).shuffle(rows)
    loose = [f"  {row.replace(' ', '   ')}\t" for row in [*rows, rows[0]]]
    assert sheet.read("\n\n".join([*loose, head.upper().replace("-", " - ")])) == TEXT
    numbers, checks = str.maketrans("01", "oL"), []
    for row in rows:
        start, check = row.rsplit(" ", 1)
        checks.append(f"{start} {check.lower().translate(numbers)}")
    assert sheet.read("\n".join([head.replace("-", ""), *checks])) == TEXT


@pytest.mark.parametrize("length", [1, 63, 64, 65, 599, 600, 601, 3910, sheet.MAX_TEXT])
def test_a_text_of_any_length_comes_back_both_ways(length: int) -> None:
    text = (TEXT * (length // len(TEXT) + 1))[:length]
    made = sheet.cut(text)
    assert sheet.read(made.typed()) == text
    assert sheet.read("".join(part.text for part in made.parts)) == text


@pytest.mark.parametrize("text", ["", "two words", "ünlaut", "x" * (sheet.MAX_TEXT + 1)])
def test_what_is_no_value_is_never_cut(text: str) -> None:
    with pytest.raises(Misuse):
        sheet.cut(text)


@pytest.mark.parametrize("filler", [" ", "a ", "sheet ", "1 "])
def test_a_row_without_end_is_refused_at_once(filler: str) -> None:
    with pytest.raises(EncodingRefused):
        sheet.read(f"sheet {STORED['id']} 24 lines\n1 " + filler * 200_000)


def test_every_single_mistyped_character_is_found_in_its_line() -> None:
    head, *rows = STORED["lines"].splitlines()
    start = len("01 ")
    for at in range(start, len(rows[0]) - 5):
        wrong = rows[0][:at] + ("x" if rows[0][at] != "x" else "y") + rows[0][at + 1 :]
        with pytest.raises(EncodingRefused) as caught:
            sheet.read("\n".join([head, wrong, *rows[1:]]))
        assert (caught.value.code, caught.value.facts["line"]) == ("encoding.sheet-line", 1)
