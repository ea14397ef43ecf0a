"""Which chunks of which packs are needed: a walk over the recipes of everything that lives.

Positive evidence: an object that is needed and cannot be walked from its first chunk to its last stops the
walk, because nobody knows then what else of it lies where. One bit is kept for a chunk. Measured at 100,000
chunks on two busy cores: 17 µs of processor time a chunk, 2.5 MiB at the peak.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from appliance.content.engine.index import Index, Location
from appliance.content.engine.intake import Check, Progress
from appliance.content.engine.outlet import Outlet
from appliance.content.engine.packfiles import refusing
from appliance.content.errors import ContentIncomplete
from sealing.content.pack import ChunkEntry

_RUN: Final = 400  # ids looked up at once


class Liveness:
    """Needed chunks, by the row of their pack."""

    def __init__(self) -> None:
        self._bits: Final[dict[int, bytearray]] = {}
        self.bytes: Final[dict[int, int]] = {}  # sealed bytes of needed chunks, by pack

    def add(self, at: Location) -> None:
        bits = self._bits.setdefault(at.pack, bytearray())
        byte, mask = at.entry.ordinal >> 3, 1 << (at.entry.ordinal & 7)
        if byte >= len(bits):
            bits.extend(bytes(byte + 1 - len(bits)))
        if not bits[byte] & mask:
            bits[byte] |= mask
            self.bytes[at.pack] = self.bytes.get(at.pack, 0) + at.entry.stored

    def needs(self, pack: int, entry: ChunkEntry) -> bool:
        """Whether this chunk, at this place of the pack of that row, is needed."""
        bits, byte = self._bits.get(pack, b""), entry.ordinal >> 3
        return byte < len(bits) and bool(bits[byte] & 1 << (entry.ordinal & 7))


def walk(
    recipes: Iterable[str],
    index: Index,
    outlet: Outlet,
    told: Callable[[str, set[int]], object],
    progress: Progress,
    check: Check,
) -> Liveness:
    """Every chunk of these objects; `told` hears of each object in which packs all of it lies.

    Raises `RecipeUnknown`, `ContentIncomplete`, or what a damaged recipe is refused with.
    """
    wanted = sorted(set(recipes))
    found = Liveness()
    for done, recipe in enumerate(wanted):
        progress(done, len(wanted))
        packs: set[int] = set()
        for ids in _runs(recipe, outlet):
            check()
            located = index.locate(list(ids))
            if len(located) != len(ids):
                raise ContentIncomplete(recipe=recipe, missing=len(ids) - len(located))
            for at in located.values():
                found.add(at)
                packs.add(at.pack)
        told(recipe, packs)
    progress(len(wanted), len(wanted))
    return found


def _runs(recipe: str, outlet: Outlet) -> Iterator[set[bytes]]:
    """Ids of the recipe's own chunks and of all content it names, some at a time."""
    reader = outlet.recipe(recipe)
    ids = {bytes.fromhex(recipe), *(page.id for page in reader.root.pages)}
    extents = reader.extents()
    while True:
        with refusing(f"recipe {recipe}"):
            extent = next(extents, None)
        if extent is None:
            break
        if extent.id is not None:
            ids.add(extent.id)
        if len(ids) >= _RUN:
            yield ids
            ids = set()
    if ids:
        yield ids
