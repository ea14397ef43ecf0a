"""Spool segments: pieces of an upload, sealed as they arrive (docs/formats/spool-segment.md).

The web tier has only the engine's public key: it can put, never get. Each segment has a fresh key, sealed by
HPKE to that public key with upload and offset as context; its pieces are sealed under counter nonces. The
last piece carries a mark, so a segment cut short is refused, not taken for a shorter one.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable, Iterator
from typing import Final

from sealing.aead import TAG_BYTES, Aead, Buffer, counter_nonce
from sealing.errors import BindingRefused, EncodingRefused, HeaderRefused, Misuse
from sealing.hpke import OVERHEAD_BYTES, KemPrivateKey, KemPublicKey
from sealing.kdf import framed
from sealing.secret import KEY_BYTES, Key256, Unprintable

from . import labels
from .ids import KIB, MIB

MAGIC: Final = b"STRSEGM1"
PIECE_BYTES: Final = 256 * KIB  # the most one piece holds (§3)
SEGMENT_BYTES: Final = 16 * MIB  # the most one segment holds
_HEAD = struct.Struct(">8s16sQ")
_PIECE = struct.Struct(">BI")
_MORE: Final = 0
_LAST: Final = 1
SEALED_KEY_BYTES: Final = KEY_BYTES + OVERHEAD_BYTES
HEADER_BYTES: Final = _HEAD.size + SEALED_KEY_BYTES


class SegmentWriter(Unprintable):
    """Seals one segment, piece by piece, through `write`."""

    def __init__(
        self, public: KemPublicKey, upload: uuid.UUID, offset: int, write: Callable[[bytes], object]
    ) -> None:
        head = _HEAD.pack(MAGIC, upload.bytes, offset)
        key = Key256.generate()
        self._aead: Final = Aead(key)
        self._write: Final = write
        self._count = 0
        self.length = 0
        self._done = False
        write(head + public.seal(key, framed(labels.SEGMENT_SEAL, head)))

    def add(self, data: Buffer) -> None:
        """Seal `data` as pieces. At most SEGMENT_BYTES in all."""
        view = memoryview(data).cast("B")
        if self._done or self.length + len(view) > SEGMENT_BYTES:
            raise Misuse("the segment is finished or full")
        for start in range(0, len(view), PIECE_BYTES):
            self._piece(_MORE, view[start : start + PIECE_BYTES])

    def finish(self) -> int:
        """Mark the end; returns the bytes of content in the segment."""
        self._piece(_LAST, memoryview(b""))
        self._done = True
        return self.length

    def _piece(self, mark: int, data: memoryview) -> None:
        head = _PIECE.pack(mark, len(data))
        sealed = self._aead.seal(counter_nonce(self._count), data, framed(labels.SEGMENT_PIECE, head))
        self._write(head + sealed)
        self._count += 1
        self.length += len(data)


def read_segment(
    read: Callable[[int], bytes], private: KemPrivateKey, upload: uuid.UUID, offset: int
) -> Iterator[bytes]:
    """The pieces of the segment, in order. `read(n)` gives the next n bytes, fewer only at the end.

    `BindingRefused` if it is another upload's or another place's; `SealRefused` if it is not intact;
    `EncodingRefused` if it breaks off or goes on after its end.
    """
    head = _exactly(read, _HEAD.size)
    magic, found_upload, found_offset = _HEAD.unpack(head)
    if magic != MAGIC:
        raise HeaderRefused("segment-magic", "not a segment of this version")
    if found_upload != upload.bytes or found_offset != offset:
        raise BindingRefused("segment-place", "this segment belongs to another upload or place")
    sealed_key = _exactly(read, SEALED_KEY_BYTES)
    aead = Aead(Key256(private.open(sealed_key, framed(labels.SEGMENT_SEAL, head))))
    count = total = 0
    while True:
        head = _exactly(read, _PIECE.size)
        mark, length = _PIECE.unpack(head)
        if mark not in (_MORE, _LAST) or length > PIECE_BYTES or (mark == _MORE) != (length > 0):
            raise EncodingRefused("segment-piece", "a piece outside the format's bounds")
        total += length
        if total > SEGMENT_BYTES:
            raise EncodingRefused("segment-size", "larger than any segment")
        sealed = _exactly(read, length + TAG_BYTES)
        data = aead.open(counter_nonce(count), sealed, framed(labels.SEGMENT_PIECE, head))
        count += 1
        if mark == _LAST:
            break
        yield data
    if read(1):
        raise EncodingRefused("segment-end", "bytes after the end of the segment")


def _exactly(read: Callable[[int], bytes], length: int) -> bytes:
    data = read(length)
    if len(data) != length:
        raise EncodingRefused("segment-short", "the segment breaks off")
    return data
