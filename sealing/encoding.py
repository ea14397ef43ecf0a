"""One text per value: canonical base64url and canonical JSON (docs/formats/README.md §2, §3).

Readers refuse any second spelling of the same thing, so a digest, a signature and a comparison of texts all
mean the same. Every refusal here is an `EncodingRefused`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from typing import Any, Final, NewType, NoReturn

from .errors import EncodingRefused, Misuse

# A separate type for each encoding, so that mypy tells them apart.
B64u = NewType("B64u", str)  # base64url without padding, canonical
Digest = NewType("Digest", str)  # SHA-384, base64url: 64 characters
Thumbprint = NewType("Thumbprint", str)  # SHA-256, base64url: 43 characters

JsonObject = dict[str, Any]

MAX_SAFE_INTEGER: Final = 2**53 - 1  # what every JSON reader holds exactly (RFC 8259 §6)
_B64U = re.compile(r"[A-Za-z0-9_-]*\Z")
_PASTED: Final = str.maketrans("", "", " \t\r\n")
_MAX_DEPTH: Final = 8  # deeper than any document; stops a parser bomb before recursion does


def b64u(data: bytes | bytearray | memoryview) -> B64u:
    """Base64url without padding (RFC 7515 §2)."""
    return B64u(base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii"))


def from_b64u(text: str) -> bytes:
    """The bytes of canonical base64url; padding, other alphabets and loose trailing bits are refused."""
    if not _B64U.match(text):
        raise EncodingRefused("base64url", "characters outside base64url")
    if len(text) % 4 == 1:
        raise EncodingRefused("base64url", "no base64url has this length")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise EncodingRefused("base64url") from error
    if b64u(data) != text:  # trailing bits that decode to nothing: a second text of the same bytes
        raise EncodingRefused("base64url-not-canonical", "trailing bits are not zero")
    return data


def canonical_json(value: JsonObject) -> bytes:
    """Sorted members, no spaces, UTF-8, integers only: the one text of `value`."""
    _check_json(value, depth=0)
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def from_canonical_json(data: bytes) -> JsonObject:
    """The object whose one canonical text is `data`; duplicates, spaces, floats, a BOM are refused."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise EncodingRefused("utf-8", "not UTF-8") from error
    if text.startswith("\ufeff"):
        raise EncodingRefused("byte-order-mark")
    if text.count("[") + text.count("{") > 4096:
        raise EncodingRefused("json", "too many levels or members")
    try:
        value = json.loads(
            text, object_pairs_hook=_no_duplicates, parse_float=_no_float, parse_constant=_no_float
        )
    except EncodingRefused:
        raise
    except (ValueError, RecursionError) as error:
        raise EncodingRefused("json", "not JSON") from error
    if not isinstance(value, dict):
        raise EncodingRefused("json", "not an object")
    try:
        again = canonical_json(value)
    except (Misuse, UnicodeEncodeError) as error:  # e.g. a lone surrogate, a number beyond 2^53
        raise EncodingRefused("json-not-canonical", str(error)) from error
    if again != data:
        raise EncodingRefused("json-not-canonical", "member order, spaces or escapes")
    return value


def normalise_pasted(text: str) -> str:
    """Spaces, tabs and line breaks of a pasted text removed; nothing else is forgiven (docs/formats/README.md
    §2).
    """
    return text.translate(_PASTED)


def digest_of(data: bytes) -> Digest:
    """SHA-384 of `data` as base64url."""
    return Digest(b64u(hashlib.sha384(data).digest()))


def thumbprint_of(data: bytes) -> Thumbprint:
    """SHA-256 of a key's or certificate's bytes as base64url."""
    return Thumbprint(b64u(hashlib.sha256(data).digest()))


def _no_duplicates(pairs: list[tuple[str, Any]]) -> JsonObject:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise EncodingRefused("duplicate-member", "a member stands twice")
    return members


def _no_float(_text: str) -> NoReturn:
    raise EncodingRefused("json", "numbers are integers")


def _check_json(value: object, *, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise Misuse("too deep")
    match value:
        case bool() | None | str():
            return
        case int():
            if abs(value) > MAX_SAFE_INTEGER:
                raise Misuse("an integer beyond 2^53")
        case list() | tuple():
            for item in value:
                _check_json(item, depth=depth + 1)
        case dict():
            for key, item in value.items():
                if not isinstance(key, str) or not key.isascii():
                    # ASCII names sort alike by code point and by UTF-16 unit, so every language agrees
                    raise Misuse("member names are ASCII text")
                _check_json(item, depth=depth + 1)
        case _:
            raise Misuse(f"{type(value).__name__} has no place in a document")
