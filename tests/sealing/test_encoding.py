"""One text per value: base64url, canonical JSON, pasted text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealing.encoding import (
    MAX_SAFE_INTEGER,
    b64u,
    canonical_json,
    digest_of,
    from_b64u,
    from_canonical_json,
    normalise_pasted,
    thumbprint_of,
)
from sealing.errors import EncodingRefused, Misuse


@pytest.mark.parametrize(
    "text", ["A", "AA=", "AA==", "A A", "AA\n", "+A", "/A", "AB", "AAB", "Ä", "AAAA\0", "AA.A"]
)
def test_base64url_of_another_spelling_is_refused(text: str) -> None:
    with pytest.raises(EncodingRefused):
        from_b64u(text)


@given(st.binary(max_size=80))
def test_base64url_gives_back_what_it_was_made_of(data: bytes) -> None:
    assert from_b64u(b64u(data)) == data


@given(st.text(alphabet="ABab01-_+/= \n", max_size=12))
def test_base64url_accepts_only_its_own_spelling(text: str) -> None:
    try:
        data = from_b64u(text)
    except EncodingRefused:
        return
    assert b64u(data) == text


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"1",
        b"null",
        b'{"a":1,}',
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'{"a":1}\n',
        b' {"a":1}',
        b'{"a":01}',
        b'{"a":1.0}',
        b'{"a":1e3}',
        b'{"a":-0}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":9007199254740992}',
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":1}}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\/"}',
        b'{"a":"\\u000A"}',
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        b'{"\xc3\xa4":1}',
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\0}\0",
        b"{'a':1}",
        b'{"a":1}{"a":1}',
        b'{"a":' + b"[" * 9 + b"]" * 9 + b"}",
        b'{"a":' + b"[" * 3000 + b"]" * 3000 + b"}",
        b"[" * 100_000,
        b'{"a":' + b"1" * 5000 + b"}",
    ],
)
def test_json_of_another_spelling_is_refused(data: bytes) -> None:
    with pytest.raises(EncodingRefused):
        from_canonical_json(data)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER) | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abcXYZ_09", max_size=5), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text("abcXYZ_09", max_size=5), VALUES, max_size=4))
def test_canonical_json_reads_back_and_is_what_other_writers_make(value: dict[str, Any]) -> None:
    try:
        data = canonical_json(value)
    except Misuse:
        return  # nested deeper than any document
    assert from_canonical_json(data) == value
    assert json.loads(data) == value


@pytest.mark.parametrize("value", [{"a": 1.5}, {"a": b"x"}, {1: 2}, {"ä": 1}, {"a": 2**53}, {"a": {1, 2}}])
def test_what_has_no_canonical_text_is_the_writers_mistake(value: dict[Any, Any]) -> None:
    with pytest.raises(Misuse):
        canonical_json(value)


def test_pasted_text_loses_spaces_and_line_breaks_and_nothing_else() -> None:
    assert normalise_pasted(" ab\r\n\tc d\n") == "abcd"
    for kept in ("\ufeff", "\u00a0", "\u200b", "\0", "=", ">"):
        assert normalise_pasted(f"ab{kept}cd") == f"ab{kept}cd"


def test_digests_and_thumbprints_have_the_lengths_of_their_hashes() -> None:
    assert (len(digest_of(b"")), len(thumbprint_of(b""))) == (64, 43)
