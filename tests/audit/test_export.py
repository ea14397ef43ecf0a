"""Events as CSV: nothing in a cell comes to life in a spreadsheet."""

from __future__ import annotations

import csv
import io

import pytest

from audit.actor import Actor
from audit.csv_export import inert, rows_as_csv
from audit.log import record
from audit.models import Event

STARTS = ["=", "+", "-", "@", "\t=", "\r=", "\n=", " =", "  @", "＝", "＋", "－", "＠"]
TAILS = ["1+1", "cmd|' /C calc'!A0", 'HYPERLINK("http://x","y")', "SUM(A1:A9)", "-2+3"]


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("start", STARTS)
def test_a_cell_that_would_be_a_formula_is_made_text(start: str, tail: str) -> None:
    assert inert(start + tail) == "'" + start + tail


@pytest.mark.parametrize("plain", ["", "words", "2026-01-01T00:00:00+00:00", "a=b", "user:ann@example.org"])
def test_plain_cells_stay_as_they_are(plain: str) -> None:
    assert inert(plain) == plain


@pytest.mark.django_db
def test_the_export_parses_back_row_by_row() -> None:
    record("tests.one", actor=Actor("user", "1", '=HYPERLINK("http://x")'), subject='a"b,c\nd')
    text = "".join(rows_as_csv(Event.objects.all()))
    header, row = list(csv.reader(io.StringIO(text)))
    cells = dict(zip(header, row, strict=True))
    assert cells["actor_name"] == '\'=HYPERLINK("http://x")'
    assert cells["subject"] == 'a"b,c\nd'
