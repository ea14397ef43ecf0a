"""Recipes: how an object is put together from chunks and holes (docs/formats/recipe.md).

A recipe is itself stored as chunks: a root that lists pages, and pages that list extents. Its digest is the
keyed id of the root. Both writing and reading stream, so memory is one page whatever the object's size.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from sealing.errors import EncodingRefused, HeaderRefused, Misuse

from .ids import CUT_MAX_BYTES, ID_BYTES, ChunkType

PAGE_MAGIC: Final = b"STRRCPP1"
ROOT_MAGIC: Final = b"STRRCPR1"
PAGE_EXTENTS: Final = 16_384  # extents of a full page (§3)
MAX_PAGES: Final = 20_000
MAX_SIZE: Final = 2**53 - 1

_PAGE_HEAD = struct.Struct(">8sI")
_EXTENT = struct.Struct(f">BQ{ID_BYTES}s")
_ROOT_HEAD = struct.Struct(">8sQQI")
_PAGE_REF = struct.Struct(f">QI{ID_BYTES}s")
_CHUNK: Final = 1
_HOLE: Final = 2
_NO_ID: Final = bytes(ID_BYTES)

PutChunk = Callable[[ChunkType, bytes], bytes]  # stores a metadata chunk, returns its id
FetchChunk = Callable[[ChunkType, bytes], bytes]  # (type, id) → authenticated content


@dataclass(frozen=True, slots=True)
class Extent:
    """A run of an object: a chunk, or a hole (`id` is None) that reads as zeros."""

    offset: int
    length: int
    id: bytes | None


@dataclass(frozen=True, slots=True)
class PageRef:
    """One page as the root lists it."""

    size: int
    extents: int
    id: bytes


@dataclass(frozen=True, slots=True)
class RecipeRoot:
    """Total size, size without holes, and the pages in order."""

    size: int
    data_size: int
    pages: tuple[PageRef, ...]


class RecipeWriter:
    """Takes extents in order and stores the pages as they fill."""

    def __init__(self, put: PutChunk) -> None:
        self._put: Final = put
        self._page: list[bytes] = []
        self._page_size = 0
        self._pages: list[bytes] = []
        self._size = 0
        self._data_size = 0
        self._hole = 0

    @property
    def size(self) -> int:
        """Bytes described so far, holes included."""
        return self._size

    @property
    def data_size(self) -> int:
        return self._data_size

    def chunk(self, chunk_id: bytes, length: int) -> None:
        """The next `length` bytes are this chunk."""
        if not 0 < length <= CUT_MAX_BYTES or len(chunk_id) != ID_BYTES:
            raise Misuse("a chunk has 1 byte to 1 MiB and a 32-byte id")
        self._close_hole()
        self._extent(_CHUNK, length, chunk_id)
        self._size += length
        self._data_size += length

    def hole(self, length: int) -> None:
        """The next `length` bytes are a hole; neighbouring holes become one."""
        if length < 0:
            raise Misuse("a hole has no negative length")
        self._hole += length
        self._size += length

    def finish(self) -> bytes:
        """Store the last page and the root; returns the root's id, the recipe's digest."""
        self._close_hole()
        if self._page:
            self._store_page()
        if self._size > MAX_SIZE or len(self._pages) > MAX_PAGES:
            raise Misuse("an object larger than the format holds")
        head = _ROOT_HEAD.pack(ROOT_MAGIC, self._size, self._data_size, len(self._pages))
        return self._put(ChunkType.RECIPE_ROOT, head + b"".join(self._pages))

    def _close_hole(self) -> None:
        if self._hole:
            self._extent(_HOLE, self._hole, _NO_ID)
            self._hole = 0

    def _extent(self, kind: int, length: int, chunk_id: bytes) -> None:
        self._page.append(_EXTENT.pack(kind, length, chunk_id))
        self._page_size += length
        if len(self._page) == PAGE_EXTENTS:
            self._store_page()

    def _store_page(self) -> None:
        page = _PAGE_HEAD.pack(PAGE_MAGIC, len(self._page)) + b"".join(self._page)
        page_id = self._put(ChunkType.RECIPE_PAGE, page)
        self._pages.append(_PAGE_REF.pack(self._page_size, len(self._page), page_id))
        self._page, self._page_size = [], 0


class RecipeReader:
    """Reads a recipe through `fetch`, which authenticates; refuses what the format does not allow."""

    def __init__(self, fetch: FetchChunk, digest: bytes) -> None:
        self._fetch: Final = fetch
        self.root: Final = parse_root(fetch(ChunkType.RECIPE_ROOT, digest))

    def extents(self) -> Iterator[Extent]:
        """Every extent in order; sizes are checked page by page and at the end."""
        offset = data = 0
        after_hole = False
        for ref in self.root.pages:
            start = offset
            for kind, length, chunk_id in parse_page(self._fetch(ChunkType.RECIPE_PAGE, ref.id), ref):
                is_hole = kind == _HOLE
                if is_hole and after_hole:
                    raise EncodingRefused("recipe-page", "two holes side by side")
                after_hole = is_hole
                yield Extent(offset, length, None if is_hole else chunk_id)
                offset += length
                data += 0 if is_hole else length
            if offset - start != ref.size:
                raise EncodingRefused("recipe-page", "a page covers another size than the root says")
        if offset != self.root.size or data != self.root.data_size:
            raise EncodingRefused("recipe-root", "the pages do not add up to the root's sizes")


def parse_root(raw: bytes) -> RecipeRoot:
    """The root of a recipe."""
    if len(raw) < _ROOT_HEAD.size:
        raise EncodingRefused("recipe-root", "too short")
    magic, size, data_size, count = _ROOT_HEAD.unpack_from(raw)
    if magic != ROOT_MAGIC:
        raise HeaderRefused("recipe-magic", "not a recipe of this version")
    if count > MAX_PAGES or len(raw) != _ROOT_HEAD.size + count * _PAGE_REF.size:
        raise EncodingRefused("recipe-root", "the length does not fit the count of pages")
    if size > MAX_SIZE or data_size > size:
        raise EncodingRefused("recipe-root", "sizes outside the format's bounds")
    pages = tuple(PageRef(*fields) for fields in _PAGE_REF.iter_unpack(memoryview(raw)[_ROOT_HEAD.size :]))
    if any(page.extents != PAGE_EXTENTS for page in pages[:-1]):
        raise EncodingRefused("recipe-root", "only the last page may be short")
    return RecipeRoot(size, data_size, pages)


def parse_page(raw: bytes, ref: PageRef) -> Iterator[tuple[int, int, bytes]]:
    """(kind, length, id) of each extent of a page."""
    if len(raw) < _PAGE_HEAD.size:
        raise EncodingRefused("recipe-page", "too short")
    magic, count = _PAGE_HEAD.unpack_from(raw)
    if magic != PAGE_MAGIC:
        raise HeaderRefused("recipe-magic", "not a page of this version")
    if count != ref.extents or not 0 < count <= PAGE_EXTENTS:
        raise EncodingRefused("recipe-page", "another count of extents than the root says")
    if len(raw) != _PAGE_HEAD.size + count * _EXTENT.size:
        raise EncodingRefused("recipe-page", "the length does not fit the count of extents")
    return _checked_extents(raw)


def _checked_extents(raw: bytes) -> Iterator[tuple[int, int, bytes]]:
    for kind, length, chunk_id in _EXTENT.iter_unpack(memoryview(raw)[_PAGE_HEAD.size :]):
        if kind == _CHUNK and not 0 < length <= CUT_MAX_BYTES:
            raise EncodingRefused("recipe-page", "a chunk outside the format's bounds")
        if kind == _HOLE and (chunk_id != _NO_ID or not 0 < length <= MAX_SIZE):
            raise EncodingRefused("recipe-page", "a hole with an id or without a length")
        if kind not in (_CHUNK, _HOLE):
            raise EncodingRefused("recipe-page", "an unknown kind of extent")
        yield kind, length, chunk_id
