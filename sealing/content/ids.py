"""Cutting content into chunks and naming them (docs/formats/pack.md §2).

Both depend on the tenant's id key: without it nobody can tell from ids, or from where cuts fall, whether a
known file is in a store.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from blake3 import blake3
from pyfastcdc import FastCDC

from sealing.aead import Buffer
from sealing.kdf import derive
from sealing.secret import Key256, Unprintable

from . import labels

KIB: Final = 1024
MIB: Final = 1024 * KIB

CUT_MIN_BYTES: Final = 64 * KIB  # docs/formats/pack.md §2; docs/adr/024
CUT_AVERAGE_PARAMETER: Final = 64 * KIB  # chunks are 128 KiB on average: minimum + parameter
CUT_NORMALISATION: Final = 0  # none: with the parameter at the minimum it would only shift the average
CUT_MAX_BYTES: Final = 1 * MIB
SEGMENT_BYTES: Final = 16 * MIB  # a cut is forced at each multiple, so that threads work side by side
ID_BYTES: Final = 32


class ChunkType(IntEnum):
    """What a chunk is. Id and seal both depend on it, so content can never pose as metadata."""

    CONTENT = 1
    RECIPE_PAGE = 2
    RECIPE_ROOT = 3
    MANIFEST = 4


class ChunkNamer(Unprintable):
    """Chunk ids of one tenant: BLAKE3 keyed, one derived key for each chunk type. Thread-safe."""

    __slots__ = ("__keys", "__seed")

    def __init__(self, id_key: Key256) -> None:
        self.__keys = {kind: derive(id_key, labels.CHUNK_ID, bytes([kind])) for kind in ChunkType}
        # Without the top bit: the library shifts the number left in 64 bits.
        # Shifted, because the cutter takes 63 bits (docs/formats/pack.md §2).
        self.__seed = int.from_bytes(derive(id_key, labels.CUT_SEED, length=8), "big") >> 1

    def name(self, kind: ChunkType, data: Buffer) -> bytes:
        """The 32-byte id of `data` as a chunk of this type."""
        return blake3(data, key=self.__keys[kind]).digest()

    def cutter(self) -> Cutter:
        """A cutter with this tenant's seed, for one thread."""
        return Cutter(self.__seed)


class Cutter:
    """Content-defined cutting of one segment at a time. Not thread-safe: one for each thread."""

    __slots__ = ("_cdc",)

    def __init__(self, seed: int) -> None:
        self._cdc = FastCDC(
            CUT_AVERAGE_PARAMETER,
            min_size=CUT_MIN_BYTES,
            max_size=CUT_MAX_BYTES,
            normalized_chunking=CUT_NORMALISATION,
            seed=seed,
        )

    def cut(self, segment: memoryview) -> list[int]:
        """Lengths of the chunks of `segment`, in order; their sum is its length."""
        if len(segment) == 0:
            return []
        return [chunk.length for chunk in self._cdc.cut_buf(segment)]
