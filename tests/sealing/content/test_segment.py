"""Spool segments: put by anyone with the public key, got by the engine alone."""

from __future__ import annotations

import io
import uuid

import pytest

from sealing.content.segment import PIECE_BYTES, SEGMENT_BYTES, SegmentWriter, read_segment
from sealing.errors import Misuse, Refused, SealRefused
from sealing.hpke import KemPrivateKey
from sealing.secret import SecretExposed

UPLOAD = uuid.UUID(int=7)


@pytest.fixture(scope="module")
def private() -> KemPrivateKey:
    return KemPrivateKey.generate()


def sealed(private: KemPrivateKey, *pieces: bytes, offset: int = 0) -> bytes:
    out = bytearray()
    writer = SegmentWriter(private.public, UPLOAD, offset, out.extend)
    for piece in pieces:
        writer.add(piece)
    writer.finish()
    return bytes(out)


def opened(data: bytes, private: KemPrivateKey, offset: int = 0) -> bytes:
    return b"".join(read_segment(io.BytesIO(data).read, private, UPLOAD, offset))


def test_another_engines_key_does_not_open_it(private: KemPrivateKey) -> None:
    with pytest.raises(SealRefused):
        opened(sealed(private, b"content"), KemPrivateKey.generate())


def test_a_segment_takes_no_more_than_it_may_hold(private: KemPrivateKey) -> None:
    writer = SegmentWriter(private.public, UPLOAD, 0, bytearray().extend)
    with pytest.raises(Misuse):
        writer.add(bytes(SEGMENT_BYTES + 1))


def test_nothing_is_added_after_the_end(private: KemPrivateKey) -> None:
    writer = SegmentWriter(private.public, UPLOAD, 0, bytearray().extend)
    writer.finish()
    with pytest.raises(Misuse):
        writer.add(b"more")


def test_the_writer_does_not_print(private: KemPrivateKey) -> None:
    with pytest.raises(SecretExposed):
        repr(SegmentWriter(private.public, UPLOAD, 0, bytearray().extend))


def test_every_byte_of_a_segment_is_authenticated(private: KemPrivateKey) -> None:
    data = sealed(private, b"content " * 20)
    accepted = []
    for at in range(len(data)):
        broken = bytearray(data)
        broken[at] ^= 1
        try:
            opened(bytes(broken), private)
            accepted.append(at)
        except Refused:
            continue
    assert accepted == []


def test_every_shorter_segment_is_refused(private: KemPrivateKey) -> None:
    data = sealed(private, b"content", b"more")
    for size in range(0, len(data), 7):
        with pytest.raises(Refused):
            opened(data[:size], private)


def test_what_goes_in_comes_out(private: KemPrivateKey) -> None:
    content = bytes(range(256)) * 5000
    assert len(content) > 4 * PIECE_BYTES
    assert opened(sealed(private, content[:700], content[700:], offset=32), private, 32) == content


def test_an_empty_segment_opens_to_nothing(private: KemPrivateKey) -> None:
    assert opened(sealed(private), private) == b""


def test_no_two_segments_share_a_key(private: KemPrivateKey) -> None:
    first, second = sealed(private, bytes(100)), sealed(private, bytes(100))
    assert first[32:] != second[32:]
    assert first[-137:-37] != second[-137:-37]
