"""Packs: many sealed chunks in one file (docs/formats/pack.md).

Nonces are counters under a key that is derived for this one pack from the data key and a fresh random salt,
so no (key, nonce) pair is ever used twice, whatever is restored, cloned or retried. The pack commits to its
key: a wrong key is `CommitmentRefused`, damage is `EncodingRefused` or `SealRefused`.
"""

from __future__ import annotations

import hashlib
import secrets
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import zstandard

from sealing.aead import TAG_BYTES, Aead, Buffer, counter_nonce
from sealing.errors import BindingRefused, CommitmentRefused, EncodingRefused, HeaderRefused, Misuse
from sealing.kdf import derive, framed
from sealing.secret import Key256, Unprintable, same

from . import labels
from .ids import (
    CUT_MAX_BYTES,
    ID_BYTES,
    KIB,
    MIB,
    ChunkNamer,
    ChunkType,
)
from .keys import KEY_ID_BYTES, SealingKey

MAGIC: Final = b"STRPACK1"
PACK_BYTES: Final = 64 * MIB  # the size of a full pack, and the most a reader accepts (§3)
STEP_BYTES: Final = MIB  # sizes of packs are multiples of this …
SMALL_STEP_BYTES: Final = 64 * KIB  # … and of this below one STEP (§6)
MAX_CHUNK_BYTES: Final = CUT_MAX_BYTES
MAX_CHUNKS: Final = 65_536  # bounds the footer, and with it a reader's memory
ZSTD_LEVEL: Final = 1
WORTH_PERCENT: Final = 97  # compressed to more than this: stored raw
ENCODING_RAW: Final = 0
ENCODING_ZSTD: Final = 1

_SALT_BYTES: Final = 32
_HEADER = struct.Struct(f">8s{KEY_ID_BYTES}s{_SALT_BYTES}s32s32s")
_COUNT = struct.Struct(">I")
_ENTRY = struct.Struct(f">BBII{ID_BYTES}s")
_TAIL = struct.Struct(">QII")
HEADER_BYTES: Final = _HEADER.size
TAIL_BYTES: Final = _TAIL.size + TAG_BYTES
# Chunks use nonces 0 … MAX_CHUNKS - 1; these two lie far beyond (§5).
_FOOTER_NONCE: Final = counter_nonce(0xFFFF_FFFE)
_TAIL_NONCE: Final = counter_nonce(0xFFFF_FFFF)
_WRITE_BYTES: Final = 4 * MIB
# Level 1 with a table and a shortest match that suit 128 KiB: 2.4 % smaller than with the library's own for
# contents of that size, in the same time (docs/performance.md).
_ZSTD_PARAMETERS: Final = zstandard.ZstdCompressionParameters.from_level(
    ZSTD_LEVEL, source_size=160 * KIB, hash_log=16, min_match=5, write_content_size=True
)

_KINDS: Final = {int(kind): kind for kind in ChunkType}  # a dict: an enum's own look-up is ten times slower

ReadAt = Callable[[int, int], bytes]  # (offset, length) → up to length bytes


@dataclass(frozen=True, slots=True)
class ChunkEntry:
    """One chunk of a pack: where it lies and what it must open to."""

    ordinal: int
    offset: int
    stored: int  # bytes in the pack, with the tag
    length: int  # bytes of content
    kind: ChunkType
    encoding: int
    id: bytes


@dataclass(frozen=True, slots=True)
class PackSummary:
    """A finished pack. `digest` is the SHA-256 of the whole file, and its name everywhere."""

    digest: str
    size: int
    key_id: str
    entries: tuple[ChunkEntry, ...]


class PackWriter(Unprintable):
    """Seals chunks into one pack, writing as it goes; memory is one buffer of a few MiB. For one thread."""

    def __init__(self, key: SealingKey, write: Callable[[memoryview], object]) -> None:
        salt = secrets.token_bytes(_SALT_BYTES)
        self._key_id: Final = key.key_id
        self._id_bytes: Final = key.id_bytes
        cipher_key, commitment = _pack_keys(key, salt)
        self._aead: Final = Aead(cipher_key)
        self._write: Final = write
        self._hash: Final = hashlib.sha256()
        self._entries: list[ChunkEntry] = []
        self._buffer: Final = bytearray(_WRITE_BYTES + MAX_CHUNK_BYTES + TAG_BYTES)
        self._view: Final = memoryview(self._buffer)
        self._filled = 0
        self._flushed = 0
        self._zstd: Final = zstandard.ZstdCompressor(compression_params=_ZSTD_PARAMETERS)
        head = MAGIC + self._id_bytes + salt + commitment
        self._put(head + hashlib.sha256(head).digest())

    @property
    def size(self) -> int:
        """Bytes of header and chunks so far."""
        return self._flushed + self._filled

    @property
    def is_empty(self) -> bool:
        return not self._entries

    def encode(self, data: Buffer) -> tuple[int, Buffer]:
        """(encoding, bytes to seal) of a chunk: compressed where that is worth it."""
        packed = self._zstd.compress(data)
        raw_length = memoryview(data).nbytes
        if len(packed) * 100 >= raw_length * WORTH_PERCENT:
            return ENCODING_RAW, data
        return ENCODING_ZSTD, packed

    def fits(self, encoded_length: int) -> bool:
        """Whether a chunk of that encoded length still fits under PACK_BYTES."""
        count = len(self._entries) + 1
        footer = _COUNT.size + count * _ENTRY.size + TAG_BYTES
        return (
            count <= MAX_CHUNKS and self.size + encoded_length + TAG_BYTES + footer + TAIL_BYTES <= PACK_BYTES
        )

    def add(
        self, kind: ChunkType, chunk_id: bytes, length: int, encoding: int, encoded: Buffer
    ) -> ChunkEntry:
        """Seal one encoded chunk (`encode`) that `fits`; `length` is that of its content."""
        encoded_length = memoryview(encoded).nbytes
        if not 0 < length <= MAX_CHUNK_BYTES or len(chunk_id) != ID_BYTES or not self.fits(encoded_length):
            raise Misuse("a chunk of 1 byte to 1 MiB that fits, with a 32-byte id")
        stored = encoded_length + TAG_BYTES
        entry = ChunkEntry(len(self._entries), self.size, stored, length, kind, encoding, chunk_id)
        if self._filled + stored > len(self._buffer):
            self._flush()
        out = self._view[self._filled : self._filled + stored]
        self._aead.encrypt_into(counter_nonce(entry.ordinal), encoded, _chunk_aad(entry, self._id_bytes), out)
        self._filled += stored
        self._entries.append(entry)
        return entry

    def finish(self) -> PackSummary:
        """Write footer, padding and tail; nothing may be added after."""
        if not self._entries:
            raise Misuse("a pack holds at least one chunk")
        footer_offset = self.size
        listing = _COUNT.pack(len(self._entries)) + b"".join(
            _ENTRY.pack(e.kind, e.encoding, e.stored, e.length, e.id) for e in self._entries
        )
        total = padded_size(footer_offset + len(listing) + TAG_BYTES + TAIL_BYTES)
        listing += bytes(total - footer_offset - len(listing) - TAG_BYTES - TAIL_BYTES)
        aad = framed(labels.PACK_FOOTER, self._id_bytes)
        self._flush()
        self._out(memoryview(self._aead.seal(_FOOTER_NONCE, listing, aad)))
        tail = _TAIL.pack(footer_offset, len(self._entries), 0)
        self._out(memoryview(self._aead.seal(_TAIL_NONCE, tail, framed(labels.PACK_TAIL, self._id_bytes))))
        return PackSummary(self._hash.hexdigest(), self._flushed, self._key_id, tuple(self._entries))

    def _put(self, data: bytes) -> None:
        self._view[self._filled : self._filled + len(data)] = data
        self._filled += len(data)

    def _flush(self) -> None:
        self._out(self._view[: self._filled])
        self._filled = 0

    def _out(self, data: memoryview) -> None:
        self._hash.update(data)
        self._write(data)
        self._flushed += len(data)


class ChunkDecoder:
    """Scratch space and decompressor of one thread."""

    __slots__ = ("scratch", "zstd")

    def __init__(self) -> None:
        self.scratch: Final = memoryview(bytearray(MAX_CHUNK_BYTES))
        self.zstd: Final = zstandard.ZstdDecompressor()


class PackReader(Unprintable):
    """Opens chunks of one pack. Thread-safe where `read_at` is, with a decoder for each thread."""

    def __init__(self, read_at: ReadAt, size: int, key_of: Callable[[str], SealingKey]) -> None:
        """Check size and header, ask `key_of` for the key the pack names, check the commitment (§7)."""
        if not is_padded_size(size):
            raise EncodingRefused("pack-size", "no pack has this size", size=size)
        header = _read(read_at, 0, HEADER_BYTES)
        magic, id_bytes, salt, commitment, checksum = _HEADER.unpack(header)
        if magic != MAGIC:
            raise HeaderRefused("pack-magic", "not a pack of this version")
        if hashlib.sha256(header[:-32]).digest() != checksum:
            raise EncodingRefused("pack-header", "the pack's header is damaged")
        self.size: Final = size
        self.key_id: Final = id_bytes.hex()
        self._id_bytes: Final = id_bytes
        self._read_at: Final = read_at
        key = key_of(self.key_id)
        if key.key_id != self.key_id:
            raise BindingRefused("data-key", "the pack names another data key", key_id=self.key_id)
        cipher_key, expected = _pack_keys(key, salt)
        if not same(commitment, expected):
            raise CommitmentRefused("another-key", "the pack was sealed under another key")
        self._aead: Final = Aead(cipher_key)

    def entries(self) -> list[ChunkEntry]:
        """The sealed footer: every chunk, in order. Offsets are checked to be gapless (§5)."""
        tail = self._aead.open(
            _TAIL_NONCE,
            _read(self._read_at, self.size - TAIL_BYTES, TAIL_BYTES),
            framed(labels.PACK_TAIL, self._id_bytes),
        )
        footer_offset, count, reserved = _TAIL.unpack(tail)
        footer_length = self.size - TAIL_BYTES - footer_offset
        least = _COUNT.size + count * _ENTRY.size + TAG_BYTES
        if not 0 < count <= MAX_CHUNKS or reserved or footer_length < least or footer_offset < HEADER_BYTES:
            raise EncodingRefused("pack-tail", "the tail contradicts the pack's size")
        listing = self._aead.open(
            _FOOTER_NONCE,
            _read(self._read_at, footer_offset, footer_length),
            framed(labels.PACK_FOOTER, self._id_bytes),
        )
        return _entries(listing, count, footer_offset)

    def open_chunk(self, entry: ChunkEntry, decoder: ChunkDecoder) -> bytes | memoryview:
        """The content of one chunk; a view into `decoder` is valid until its next use.

        Length and encoding are authenticated with the seal before anything is decompressed.
        """
        if (
            not 0 < entry.length <= MAX_CHUNK_BYTES
            or not TAG_BYTES < entry.stored <= MAX_CHUNK_BYTES + TAG_BYTES
        ):
            raise EncodingRefused("chunk-length", "a chunk outside the format's bounds")
        if entry.encoding == ENCODING_RAW and entry.stored != entry.length + TAG_BYTES:
            raise EncodingRefused("chunk-length", "a raw chunk whose lengths differ")
        sealed = _read(self._read_at, entry.offset, entry.stored)
        clear = decoder.scratch[: entry.stored - TAG_BYTES]
        aad = _chunk_aad(entry, self._id_bytes)
        self._aead.decrypt_into(counter_nonce(entry.ordinal), sealed, aad, clear)
        if entry.encoding == ENCODING_RAW:
            return clear
        return _decompress(clear, entry.length, decoder.zstd)

    def check_all(self, namers: list[ChunkNamer], decoder: ChunkDecoder) -> Iterator[ChunkEntry]:
        """Open every chunk in order and compare it with its id, which one of `namers` must give."""
        for entry in self.entries():
            if not name_fits(namers, entry, self.open_chunk(entry, decoder)):
                raise EncodingRefused("chunk-id", "a chunk is not what its id says")
            yield entry


def padded_size(needed: int) -> int:
    """The size a pack of `needed` bytes is padded to (§6)."""
    step = SMALL_STEP_BYTES if needed <= STEP_BYTES else STEP_BYTES
    return -(-needed // step) * step


def is_padded_size(size: int) -> bool:
    """Whether a pack may have this size."""
    return 0 < size <= PACK_BYTES and padded_size(size) == size


def name_fits(namers: list[ChunkNamer], entry: ChunkEntry, data: bytes | memoryview) -> bool:
    """Whether `data` has the entry's id under one of the tenant's id keys."""
    return any(same(namer.name(entry.kind, data), entry.id) for namer in namers)


def _entries(listing: bytes, count: int, footer_offset: int) -> list[ChunkEntry]:
    (again,) = _COUNT.unpack_from(listing)
    end = _COUNT.size + count * _ENTRY.size
    if again != count or listing[end:].count(0) != len(listing) - end:
        raise EncodingRefused("pack-footer", "count or padding is not as the format says")
    entries: list[ChunkEntry] = []
    offset = HEADER_BYTES
    for ordinal, (number, encoding, stored, length, chunk_id) in enumerate(
        _ENTRY.iter_unpack(memoryview(listing)[_COUNT.size : end])
    ):
        kind = _KINDS.get(number)
        if kind is None or encoding not in (ENCODING_RAW, ENCODING_ZSTD):
            raise EncodingRefused("pack-footer", "an unknown type or encoding of a chunk")
        if not 0 < length <= MAX_CHUNK_BYTES or not TAG_BYTES < stored <= MAX_CHUNK_BYTES + TAG_BYTES:
            raise EncodingRefused("pack-footer", "a chunk outside the format's bounds")
        entries.append(ChunkEntry(ordinal, offset, stored, length, kind, encoding, chunk_id))
        offset += stored
    if offset != footer_offset:
        raise EncodingRefused("pack-footer", "the chunks do not end where the footer begins")
    return entries


def _decompress(packed: memoryview, length: int, zstd: zstandard.ZstdDecompressor) -> bytes:
    try:
        if zstandard.frame_content_size(packed) != length:  # checked before anything is allocated
            raise EncodingRefused("chunk-length", "the compressed frame names another length")
        data = zstd.decompress(packed, max_output_size=length, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise EncodingRefused("chunk-zstd", "the chunk does not decompress") from error
    if len(data) != length:
        raise EncodingRefused("chunk-length", "the chunk decompresses to another length")
    return data


def _pack_keys(key: SealingKey, salt: bytes) -> tuple[Key256, bytes]:
    return (
        Key256(derive(key.key, labels.PACK_KEY, key.id_bytes, salt=salt)),
        derive(key.key, labels.PACK_COMMITMENT, key.id_bytes, salt=salt),
    )


def _chunk_aad(entry: ChunkEntry, id_bytes: bytes) -> bytes:
    return framed(
        labels.PACK_CHUNK,
        bytes((entry.kind, entry.encoding)),
        entry.length.to_bytes(4, "big"),
        entry.id,
        id_bytes,
    )


def _read(read_at: ReadAt, offset: int, length: int) -> bytes:
    data = read_at(offset, length)
    if len(data) != length:
        raise EncodingRefused("pack-short", "the pack ends early")
    return data
