"""Cutting: bounds, repeatability, and that a change moves only the cuts around it."""

from __future__ import annotations

import random

import pytest

from sealing.content.ids import CUT_MAX_BYTES, CUT_MIN_BYTES, MIB, ChunkNamer, ChunkType, Cutter
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


@pytest.mark.parametrize("seed", [0, 1, 2**62, 2**63 - 1])
def test_every_seed_of_63_bits_cuts(seed: int) -> None:
    assert sum(Cutter(seed).cut(memoryview(DATA))) == len(DATA)


def test_every_id_key_makes_a_cutter() -> None:
    """64 keys: about half of them have a number with its highest bit set."""
    lengths = [ChunkNamer(IdKey(bytes([n]) * 32)).cutter().cut(memoryview(DATA[:MIB])) for n in range(64)]
    assert {sum(found) for found in lengths} == {MIB}


def test_an_insertion_changes_few_chunks(namer: ChunkNamer) -> None:
    before = names(namer, DATA)
    after = names(namer, DATA[: 4 * MIB] + b"inserted" + DATA[4 * MIB :])
    assert len(set(before) - set(after)) <= 3
