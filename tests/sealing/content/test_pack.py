"""Packs: what is refused, what is sealed, and what every byte of a pack is under."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealing.content.ids import MIB, ChunkNamer, ChunkType
from sealing.content.keys import HeldKeys, NoActiveKey, SealingKey
from sealing.content.pack import (
    ENCODING_RAW,
    ENCODING_ZSTD,
    MAX_CHUNK_BYTES,
    PACK_BYTES,
    STEP_BYTES,
    ChunkDecoder,
    PackReader,
    PackSummary,
    PackWriter,
    is_padded_size,
    padded_size,
)
from sealing.errors import BindingRefused, Misuse, Refused
from sealing.secret import DataKey, SecretExposed

NOISE = random.Random(7).randbytes(600_000)  # incompressible filler, not a secret


def pack_of(key: SealingKey, namer: ChunkNamer, *contents: bytes) -> tuple[bytes, PackSummary]:
    out = bytearray()
    writer = PackWriter(key, out.extend)
    for content in contents:
        encoding, encoded = writer.encode(content)
        writer.add(ChunkType.CONTENT, namer.name(ChunkType.CONTENT, content), len(content), encoding, encoded)
    summary = writer.finish()
    return bytes(out), summary


def reader_of(data: bytes, keys: HeldKeys) -> PackReader:
    return PackReader(lambda offset, length: data[offset : offset + length], len(data), keys.opening_key)


def opened(data: bytes, keys: HeldKeys, namer: ChunkNamer) -> Iterator[bytes]:
    reader = reader_of(data, keys)
    for entry in reader.check_all([namer], ChunkDecoder()):
        yield bytes(reader.open_chunk(entry, ChunkDecoder()))


def test_a_chunk_without_a_byte_is_a_misuse(key: SealingKey, namer: ChunkNamer) -> None:
    with pytest.raises(Misuse):
        pack_of(key, namer, b"")


def test_a_chunk_above_the_limit_is_a_misuse(key: SealingKey, namer: ChunkNamer) -> None:
    with pytest.raises(Misuse):
        pack_of(key, namer, bytes(MAX_CHUNK_BYTES + 1))


def test_a_pack_without_a_chunk_is_a_misuse(key: SealingKey) -> None:
    with pytest.raises(Misuse):
        PackWriter(key, bytearray().extend).finish()


def test_a_writer_takes_no_more_than_a_full_pack(key: SealingKey) -> None:
    writer = PackWriter(key, lambda _: None)
    for number in range(63):
        writer.add(ChunkType.CONTENT, number.to_bytes(32, "big"), MIB, ENCODING_RAW, bytes(MIB))
    assert not writer.fits(MIB)
    with pytest.raises(Misuse):
        writer.add(ChunkType.CONTENT, bytes(32), MIB, ENCODING_RAW, bytes(MIB))


def test_an_id_that_is_not_one_is_a_misuse() -> None:
    with pytest.raises(Misuse):
        SealingKey("AB" * 16, DataKey(b"d" * 32))


def test_without_an_active_key_nothing_is_sealed() -> None:
    with pytest.raises(NoActiveKey):
        HeldKeys(None, {"ab" * 16: DataKey(b"d" * 32)}, {}).sealing_key()


def test_a_tenant_without_an_id_key_is_refused(keys: HeldKeys) -> None:
    with pytest.raises(BindingRefused) as refused:
        keys.id_keys("nobody")
    assert refused.value.code == "binding.tenant"


def test_a_key_resolver_that_answers_with_another_key_is_refused(key: SealingKey, namer: ChunkNamer) -> None:
    data, _ = pack_of(key, namer, b"content")
    other = SealingKey("cd" * 16, DataKey(b"d" * 32))
    with pytest.raises(BindingRefused):
        PackReader(lambda offset, length: data[offset : offset + length], len(data), lambda _: other)


def test_keys_and_writers_do_not_print(key: SealingKey, keys: HeldKeys, namer: ChunkNamer) -> None:
    for secret in (key, keys, namer, PackWriter(key, bytearray().extend)):
        with pytest.raises(SecretExposed):
            repr(secret)


def test_every_byte_of_a_pack_is_authenticated(key: SealingKey, keys: HeldKeys, namer: ChunkNamer) -> None:
    """One bit flipped at 400 places all over a pack: header, both chunks, footer, padding, tail."""
    data, _ = pack_of(key, namer, b"words " * 1000, NOISE[:5000])
    places = [*range(200), *range(200, len(data), len(data) // 200)]
    accepted = []
    for at in places:
        broken = bytearray(data)
        broken[at] ^= 0x10
        try:
            list(opened(bytes(broken), keys, namer))
            accepted.append(at)
        except Refused:
            continue
    assert len(places) >= 400
    assert accepted == []


def test_no_chunk_passes_for_another(key: SealingKey, keys: HeldKeys, namer: ChunkNamer) -> None:
    """200 chunks, each of the 39,800 ordered pairs: the entry of one over the sealed bytes of the other."""
    contents = [number.to_bytes(2, "big") * 32 for number in range(200)]
    data, summary = pack_of(key, namer, *contents)
    reader = reader_of(data, keys)
    decoder = ChunkDecoder()
    refused = 0
    for wanted, found in itertools.permutations(summary.entries, 2):
        swapped = dataclasses.replace(wanted, offset=found.offset, stored=found.stored)
        with pytest.raises(Refused):
            reader.open_chunk(swapped, decoder)
        refused += 1
    assert refused == 39_800


def test_a_chunk_of_another_pack_under_the_same_key_does_not_open(
    key: SealingKey, keys: HeldKeys, namer: ChunkNamer
) -> None:
    first, summary = pack_of(key, namer, NOISE[:1000])
    second, _ = pack_of(key, namer, NOISE[:1000])
    entry = summary.entries[0]
    spliced = second[: entry.offset] + first[entry.offset : entry.offset + entry.stored]
    spliced += second[entry.offset + entry.stored :]
    with pytest.raises(Refused) as refused:
        list(opened(spliced, keys, namer))
    assert refused.value.code == "seal.does-not-open"


def test_what_goes_in_comes_out(key: SealingKey, keys: HeldKeys, namer: ChunkNamer) -> None:
    contents = [b"a", b"words " * 10_000, NOISE[:300_000], bytes(MAX_CHUNK_BYTES)]
    data, _ = pack_of(key, namer, *contents)
    assert list(opened(data, keys, namer)) == contents


def test_compressible_chunks_are_compressed_and_others_stored_as_they_are(
    key: SealingKey, namer: ChunkNamer
) -> None:
    _, summary = pack_of(key, namer, b"words " * 10_000, NOISE[:300_000])
    assert [entry.encoding for entry in summary.entries] == [ENCODING_ZSTD, ENCODING_RAW]


def test_the_summary_names_the_digest_and_size_of_the_file(key: SealingKey, namer: ChunkNamer) -> None:
    data, summary = pack_of(key, namer, NOISE)
    assert (summary.digest, summary.size) == (hashlib.sha256(data).hexdigest(), len(data))


def test_the_footer_gives_back_the_entries(key: SealingKey, keys: HeldKeys, namer: ChunkNamer) -> None:
    data, summary = pack_of(key, namer, NOISE, b"words " * 1000, NOISE[:70_000])
    assert tuple(reader_of(data, keys).entries()) == summary.entries


def test_a_nearly_full_pack_has_exactly_the_full_size(key: SealingKey) -> None:
    written = []
    writer = PackWriter(key, lambda data: written.append(len(data)))
    for number in range(63):
        writer.add(ChunkType.CONTENT, number.to_bytes(32, "big"), MIB, ENCODING_RAW, bytes(MIB))
    summary = writer.finish()
    assert summary.size == sum(written) == PACK_BYTES


def test_two_packs_of_the_same_content_have_nothing_in_common_but_the_key_id(
    key: SealingKey, namer: ChunkNamer
) -> None:
    first, _ = pack_of(key, namer, NOISE[:1000])
    second, _ = pack_of(key, namer, NOISE[:1000])
    assert first[:24] == second[:24]
    assert first[24:56] != second[24:56]
    assert first[120:] != second[120:]


def test_names_depend_on_key_and_type(namer: ChunkNamer) -> None:
    other = ChunkNamer(DataKey(b"o" * 32))
    names = {one.name(kind, b"same content") for one in (namer, other) for kind in ChunkType}
    assert len(names) == 2 * len(ChunkType)


@given(needed=st.integers(min_value=1, max_value=PACK_BYTES))
@settings(max_examples=200, deadline=None)
def test_padding_reaches_a_lawful_size_and_wastes_less_than_a_step(needed: int) -> None:
    size = padded_size(needed)
    assert is_padded_size(size)
    assert 0 <= size - needed < STEP_BYTES


def test_sizes_off_the_steps_are_none_of_a_packs() -> None:
    lawful = [
        size for size in (0, 1, 65_535, 65_537, STEP_BYTES + 65_536, PACK_BYTES + MIB) if is_padded_size(size)
    ]
    assert lawful == []
