"""Cutting: bounds, repeatability, and that a change moves only the cuts around it."""

from __future__ import annotations

import random

from sealing.content.ids import CUT_MAX_BYTES, CUT_MIN_BYTES, MIB, ChunkNamer, ChunkType
from sealing.secret import IdKey

DATA = random.Random(3).randbytes(8 * MIB)  # filler


def names(namer: ChunkNamer, data: bytes) -> list[bytes]:
    view, offset, found = memoryview(data), 0, []
    for length in namer.cutter().cut(view):
        found.append(namer.name(ChunkType.CONTENT, view[offset : offset + length]))
        offset += length
    return found


def test_nothing_is_cut_into_nothing(namer: ChunkNamer) -> None:
    assert namer.cutter().cut(memoryview(b"")) == []


def test_chunks_cover_the_data_within_the_bounds(namer: ChunkNamer) -> None:
    lengths = namer.cutter().cut(memoryview(DATA))
    assert sum(lengths) == len(DATA)
    assert all(CUT_MIN_BYTES <= length <= CUT_MAX_BYTES for length in lengths[:-1])


def test_zeros_are_cut_at_the_maximum(namer: ChunkNamer) -> None:
    assert set(namer.cutter().cut(memoryview(bytes(4 * MIB)))) == {CUT_MAX_BYTES}


def test_the_same_data_is_cut_alike(namer: ChunkNamer) -> None:
    assert names(namer, DATA) == names(namer, DATA)


def test_another_tenants_cuts_fall_elsewhere(namer: ChunkNamer) -> None:
    other = ChunkNamer(IdKey(b"o" * 32))
    assert namer.cutter().cut(memoryview(DATA)) != other.cutter().cut(memoryview(DATA))


def test_an_insertion_changes_few_chunks(namer: ChunkNamer) -> None:
    before = names(namer, DATA)
    after = names(namer, DATA[: 4 * MIB] + b"inserted" + DATA[4 * MIB :])
    assert len(set(before) - set(after)) <= 3
