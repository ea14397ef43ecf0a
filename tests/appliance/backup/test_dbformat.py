"""The records of the database stream, without a database."""

from __future__ import annotations

import datetime as dt
import io
import json
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.backup.engine.dbformat import (
    JsonValue,
    Opening,
    StreamReader,
    StreamRefused,
    StreamWriter,
    Table,
    decode_value,
    encode_value,
)

OPENING = Opening("2026-11-23T10:00:00+00:00", "SR-1", (("accounts", "0001_initial"),))
TABLE = Table("accounts.Role", ("id", "name"))


def stream(rows: list[list[Any]], table: Table = TABLE) -> bytes:
    writer = StreamWriter()
    lines = [
        writer.opening(OPENING),
        writer.table(table),
        *(writer.row(row) for row in rows),
        writer.closing(),
    ]
    return b"".join(lines)


def read(data: bytes) -> list[Any]:
    return list(StreamReader(io.BytesIO(data)).records())


def edit(data: bytes, line: int, change: Callable[[Any], Any]) -> bytes:
    lines = data.splitlines(keepends=True)
    lines[line] = json.dumps(change(json.loads(lines[line]))).encode() + b"\n"
    return b"".join(lines)


WHOLE = stream([[1, "admin"], [2, "auditor"]])


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty", b""),
        ("no-json", b"nonsense\n"),
        ("a-list-first", b"[]\n" + WHOLE),
        ("another-format", edit(WHOLE, 0, lambda r: r | {"format": "other"})),
        ("another-version", edit(WHOLE, 0, lambda r: r | {"version": 2})),
        ("more-members", edit(WHOLE, 0, lambda r: r | {"more": 1})),
        ("migrations-misshapen", edit(WHOLE, 0, lambda r: r | {"migrations": [["one"]]})),
        ("a-row-before-a-table", b"".join(WHOLE.splitlines(keepends=True)[i] for i in (0, 2, 1, 3, 4))),
        ("a-row-too-long", edit(WHOLE, 2, lambda r: [*r, 3])),
        ("a-row-too-short", edit(WHOLE, 2, lambda r: r[:1])),
        ("a-row-altered", edit(WHOLE, 2, lambda r: [r[0], "root"])),
        ("a-row-left-out", b"".join(WHOLE.splitlines(keepends=True)[i] for i in (0, 1, 3, 4))),
        ("a-row-twice", b"".join(WHOLE.splitlines(keepends=True)[i] for i in (0, 1, 2, 2, 3, 4))),
        ("an-unknown-tag", edit(WHOLE, 2, lambda _: [{"pickle": "x"}, "admin"])),
        ("two-tags", edit(WHOLE, 2, lambda _: [{"uuid": "x", "at": "y"}, "admin"])),
        ("a-bad-uuid", edit(WHOLE, 2, lambda _: [{"uuid": "x"}, "admin"])),
        ("a-bare-list", edit(WHOLE, 2, lambda _: [[1], "admin"])),
        ("bytes-not-canonical", edit(WHOLE, 2, lambda _: [{"bytes": "QQ=="}, "admin"])),
        ("a-wrong-count", edit(WHOLE, 4, lambda r: r | {"rows": 3})),
        ("a-wrong-digest", edit(WHOLE, 4, lambda r: r | {"digest": "0" * 64})),
        ("an-unknown-record", edit(WHOLE, 1, lambda _: {"sql": "drop table"})),
        ("not-a-number", WHOLE.replace(b"[1,", b"[NaN,")),
        ("no-closing", b"".join(WHOLE.splitlines(keepends=True)[:-1])),
        ("cut-in-a-line", WHOLE[:-5]),
        ("bytes-after-the-closing", WHOLE + b"\n"),
        ("two-streams", WHOLE + WHOLE),
    ],
)
def test_a_stream_with_one_fault_is_refused(name: str, data: bytes) -> None:
    with pytest.raises(StreamRefused):
        read(data)


@pytest.mark.parametrize("at", range(0, len(WHOLE), 7))
def test_no_flipped_bit_passes(at: int) -> None:
    flipped = WHOLE[:at] + bytes([WHOLE[at] ^ 4]) + WHOLE[at + 1 :]
    with pytest.raises(StreamRefused):
        read(flipped)


def test_a_value_without_a_form_is_refused_by_the_writer() -> None:
    with pytest.raises(StreamRefused):
        encode_value(object())


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.binary(),
    st.uuids(),
    st.dates(),
    st.times(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.datetimes(timezones=st.just(dt.UTC)),
    st.timedeltas(dt.timedelta(days=-10_000), dt.timedelta(days=10_000)),
)


@given(VALUES)
def test_every_value_comes_back_as_it_went(value: Any) -> None:
    back = decode_value(json.loads(json.dumps(encode_value(value))))
    assert (back, type(back)) == (value, type(value))


def test_a_json_value_is_never_taken_for_a_tag() -> None:
    hostile = {"uuid": "00000000-0000-4000-8000-000000000000"}
    assert decode_value(encode_value(JsonValue(hostile))) == hostile


@given(st.lists(st.tuples(VALUES, VALUES), max_size=20))
def test_a_stream_comes_back_row_by_row(rows: list[tuple[Any, Any]]) -> None:
    found = read(stream([list(row) for row in rows]))
    assert found == [TABLE, *[list(row) for row in rows]]


def test_a_reader_knows_that_it_read_the_closing() -> None:
    reader = StreamReader(io.BytesIO(WHOLE))
    assert reader.opening == OPENING
    assert not reader.closed
    list(reader.records())
    assert reader.closed


def test_awkward_values_are_encoded_as_the_page_says() -> None:
    assert encode_value(dt.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC)) == {
        "at": "2026-01-02T03:04:05.000006+00:00"
    }
    assert encode_value(uuid.UUID(int=1)) == {"uuid": "00000000-0000-0000-0000-000000000001"}
    assert encode_value(Decimal("1.10")) == {"decimal": "1.10"}
    assert encode_value(b"\xff") == {"bytes": "_w"}
    assert encode_value(dt.timedelta(seconds=1)) == {"span": 1_000_000}
