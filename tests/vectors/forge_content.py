"""A second writer of packs and segments, made from docs/formats/ alone, that can also write wrong ones."""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import dataclass, field
from typing import Any

import zstandard
from blake3 import blake3
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

DATA_KEY = b"d" * 32
KEY_ID = b"\xab" * 16
ID_KEY = b"i" * 32
SALT = b"s" * 32
SPOOL_SEED = b"p" * 32


def hkdf(key: bytes, salt: bytes, info: bytes, length: int = 32) -> bytes:
    """RFC 5869 with SHA-256, by hand; one block is enough here."""
    prk = hmac.digest(salt or bytes(32), key, "sha256")
    return hmac.digest(prk, info + b"\x01", "sha256")[:length]


def framed(label: str, *parts: bytes) -> bytes:
    return label.encode() + b"\0" + b"".join(struct.pack(">I", len(part)) + part for part in parts)


def chunk_id(kind: int, content: bytes, id_key: bytes = ID_KEY) -> bytes:
    key = hkdf(id_key, b"", framed("strongroom chunk id v1", bytes([kind])))
    return blake3(content, key=key).digest()


def compress(content: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(content)


def nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


@dataclass
class Chunk:
    """A chunk as it is to be written. What is None follows from `content` as the page says."""

    content: bytes
    kind: int = 1
    encoding: int = 0
    id: bytes | None = None
    length: int | None = None
    sealed: bytes | None = None  # what is sealed in place of the content
    listed: dict[str, int | bytes] = field(default_factory=dict)  # what the footer says instead
    seal_number: int | None = None
    seal_kind: int | None = None


def pack_keys(data_key: bytes = DATA_KEY, salt: bytes = SALT) -> tuple[bytes, bytes]:
    return (
        hkdf(data_key, salt, framed("strongroom pack key v1", KEY_ID)),
        hkdf(data_key, salt, framed("strongroom pack commitment v1", KEY_ID)),
    )


def forge_pack(
    chunks: list[Chunk],
    *,
    size: int = 65536,
    footer_count: int | None = None,
    tail_count: int | None = None,
    tail_offset: int = 0,
    reserved: int = 0,
    padding: bytes = b"\0",
    gap: bytes = b"",
    magic: bytes = b"STRPACK1",
) -> bytes:
    """A pack of these chunks; every keyword is one fault."""
    key, commitment = pack_keys()
    cipher = AESGCM(key)
    head = magic + KEY_ID + SALT + commitment
    out = bytearray(head + hashlib.sha256(head).digest())
    listing = b""
    for number, chunk in enumerate(chunks):
        body = chunk.sealed if chunk.sealed is not None else chunk.content
        body = compress(body) if chunk.encoding == 1 and chunk.sealed is None else body
        length = len(chunk.content) if chunk.length is None else chunk.length
        name = chunk_id(chunk.kind, chunk.content) if chunk.id is None else chunk.id
        kind = chunk.kind if chunk.seal_kind is None else chunk.seal_kind
        aad = framed(
            "strongroom pack chunk v1", bytes([kind, chunk.encoding]), struct.pack(">I", length), name, KEY_ID
        )
        at = number if chunk.seal_number is None else chunk.seal_number
        sealed = cipher.encrypt(nonce(at), body, aad)
        out += sealed
        entry: dict[str, Any] = {
            "kind": chunk.kind,
            "encoding": chunk.encoding,
            "stored": len(sealed),
            "length": length,
            "id": name,
            **chunk.listed,
        }
        listing += struct.pack(">BBII32s", *entry.values())
    out += gap
    offset = len(out)
    listing = struct.pack(">I", len(chunks) if footer_count is None else footer_count) + listing
    room = size - offset - len(listing) - 16 - 32
    listing += (padding * room)[:room]
    out += cipher.encrypt(nonce(0xFFFFFFFE), listing, framed("strongroom pack footer v1", KEY_ID))
    count = len(chunks) if tail_count is None else tail_count
    tail = struct.pack(">QII", offset + tail_offset, count, reserved)
    out += cipher.encrypt(nonce(0xFFFFFFFF), tail, framed("strongroom pack tail v1", KEY_ID))
    return bytes(out)


GOOD_CHUNKS = [Chunk(b"strongroom " * 10_000, encoding=1), Chunk(bytes(range(256)))]


def extent(kind: int, length: int, name: bytes = bytes(32)) -> bytes:
    return struct.pack(">BQ32s", kind, length, name)


def page(*extents: bytes, count: int | None = None, magic: bytes = b"STRRCPP1") -> bytes:
    return magic + struct.pack(">I", len(extents) if count is None else count) + b"".join(extents)


def page_ref(size: int, extents: int, name: bytes) -> bytes:
    return struct.pack(">QI32s", size, extents, name)


def root(
    size: int, data_size: int, *refs: bytes, count: int | None = None, magic: bytes = b"STRRCPR1"
) -> bytes:
    head = magic + struct.pack(">QQI", size, data_size, len(refs) if count is None else count)
    return head + b"".join(refs)
