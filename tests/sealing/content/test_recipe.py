"""Recipes: written in pages, read back extent by extent."""

from __future__ import annotations

import pytest

from sealing.content.ids import MIB, ChunkType
from sealing.content.recipe import PAGE_EXTENTS, Extent, RecipeReader, RecipeWriter
from sealing.errors import Misuse
from tests.vectors.forge_content import chunk_id


class Shelf:
    """Chunks by type and id."""

    def __init__(self) -> None:
        self.chunks: dict[tuple[ChunkType, bytes], bytes] = {}

    def put(self, kind: ChunkType, data: bytes) -> bytes:
        name = chunk_id(kind, data)
        self.chunks[kind, name] = data
        return name

    def fetch(self, kind: ChunkType, name: bytes) -> bytes:
        return self.chunks[kind, name]


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def test_a_chunk_above_the_limit_is_a_misuse(shelf: Shelf) -> None:
    with pytest.raises(Misuse):
        RecipeWriter(shelf.put).chunk(bytes(32), MIB + 1)


def test_a_hole_of_negative_length_is_a_misuse(shelf: Shelf) -> None:
    with pytest.raises(Misuse):
        RecipeWriter(shelf.put).hole(-1)


def test_an_object_larger_than_the_format_holds_is_a_misuse(shelf: Shelf) -> None:
    writer = RecipeWriter(shelf.put)
    writer.hole(2**53)
    with pytest.raises(Misuse):
        writer.finish()


def test_an_empty_object_has_no_page(shelf: Shelf) -> None:
    reader = RecipeReader(shelf.fetch, RecipeWriter(shelf.put).finish())
    assert (reader.root.size, reader.root.pages, list(reader.extents())) == (0, (), [])


def test_neighbouring_holes_become_one(shelf: Shelf) -> None:
    writer = RecipeWriter(shelf.put)
    writer.hole(10)
    writer.hole(0)
    writer.hole(20)
    writer.chunk(b"c" * 32, 5)
    reader = RecipeReader(shelf.fetch, writer.finish())
    assert list(reader.extents()) == [Extent(0, 30, None), Extent(30, 5, b"c" * 32)]
    assert (reader.root.size, reader.root.data_size) == (35, 5)


def test_extents_over_several_pages_come_back_in_order(shelf: Shelf) -> None:
    writer = RecipeWriter(shelf.put)
    count = PAGE_EXTENTS * 2 + 3
    for number in range(count):
        writer.chunk(number.to_bytes(32, "big"), 1 + number % 1000)
    reader = RecipeReader(shelf.fetch, writer.finish())
    extents = list(reader.extents())
    assert [page.extents for page in reader.root.pages] == [PAGE_EXTENTS, PAGE_EXTENTS, 3]
    assert [int.from_bytes(extent.id or b"", "big") for extent in extents] == list(range(count))
    assert extents[-1].offset + extents[-1].length == reader.root.size


def test_equal_objects_have_one_digest(shelf: Shelf) -> None:
    digests = set()
    for _ in range(2):
        writer = RecipeWriter(shelf.put)
        writer.chunk(b"c" * 32, 5)
        digests.add(writer.finish())
    assert len(digests) == 1
