"""Secrets for the engine: they open for one field of one row, on one unit, and their length does not show."""

from __future__ import annotations

import pytest

from sealing.encoding import b64u, from_b64u
from sealing.enginesecret import SECRET_BYTES, open_sealed, seal
from sealing.errors import EncodingRefused, Refused
from sealing.hpke import KemPrivateKey

PRIVATE = KemPrivateKey.generate()
FIELD, ROW = "app.Model.field", "row"
SEALED = seal(PRIVATE.public, FIELD, ROW, b"secret")


@pytest.mark.parametrize(
    ("field", "row", "text"),
    [
        ("app.Model.other", ROW, SEALED),
        (FIELD, "other", SEALED),
        (FIELD + "row", "", SEALED),
        (FIELD, ROW, SEALED[:-4]),
        (FIELD, ROW, ""),
        (FIELD, ROW, "not base64url!"),
        (FIELD, ROW, "A" * 200_000),
        (FIELD, ROW, b64u(from_b64u(SEALED)[:-1] + b"\0")),
    ],
)
def test_moved_altered_or_cut_it_does_not_open(field: str, row: str, text: str) -> None:
    with pytest.raises(Refused):
        open_sealed(PRIVATE, field, row, text)


def test_another_units_key_does_not_open_it() -> None:
    with pytest.raises(Refused):
        open_sealed(KemPrivateKey.generate(), FIELD, ROW, SEALED)


@pytest.mark.parametrize("body", [b"", b"\0\0\0\1", b"\0\0\1\0" + bytes(252), bytes(255) + b"x", bytes(100)])
def test_padding_that_is_not_the_formats_is_refused(body: bytes) -> None:
    from sealing import labels
    from sealing.kdf import framed

    text = b64u(PRIVATE.public.seal(body, framed(labels.SEAL_ENGINE_SECRET, FIELD.encode(), ROW.encode())))
    with pytest.raises((EncodingRefused, Refused)):
        open_sealed(PRIVATE, FIELD, ROW, text)


def test_a_secret_that_is_too_large_is_refused() -> None:
    with pytest.raises(EncodingRefused):
        seal(PRIVATE.public, FIELD, ROW, bytes(SECRET_BYTES + 1))


@pytest.mark.parametrize("size", [0, 1, 251, 252, 253, 5000, SECRET_BYTES])
def test_it_opens_for_its_own_row(size: int) -> None:
    secret = bytes(range(256)) * (size // 256 + 1)
    sealed = seal(PRIVATE.public, FIELD, ROW, secret[:size])
    assert open_sealed(PRIVATE, FIELD, ROW, sealed) == secret[:size]


def test_secrets_of_like_length_look_alike() -> None:
    short, longer = (seal(PRIVATE.public, FIELD, ROW, b"x" * size) for size in (1, 200))
    assert len(short) == len(longer)
    assert short != seal(PRIVATE.public, FIELD, ROW, b"x")
