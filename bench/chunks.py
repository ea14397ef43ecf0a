"""A store with very many chunks: real packs, real recipes, real index; only the chunks are tiny.

Packs hold as many chunks as packs of ordinary content do, so everything that goes by packs or by chunks is
met in its true number, in a thousandth of the bytes.
"""
# ruff: noqa: S311  # numbers of a data set, the same each time

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Final

from bench.data import SEED

if TYPE_CHECKING:
    from appliance.content.engine.lanes import Ledger
    from sealing.content.ids import ChunkNamer

CHUNKS_IN_PACK: Final = 512  # 64 MiB of chunks of 128 KiB that do not compress
CHUNK_BYTES: Final = 24
OBJECTS: Final = 20


def fill(count: int) -> None:
    """Put `count` chunks into the site's store, as a few virtual images. In a child of its own, so that what
    it takes of memory is not counted to what is measured after it."""
    from django.db import connections

    connections.close_all()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _fill(count)
            connections.close_all()
            status = 0
        finally:
            os._exit(status)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        raise SystemExit("the store could not be filled")


def _fill(count: int) -> None:
    from appliance.catalog.models import VirtualImage
    from appliance.content import TENANT
    from appliance.content.engine import opening
    from appliance.content.engine.lanes import Ledger
    from sealing.content.ids import ChunkNamer

    keys = opening.engine_keys()
    held = opening.content_keys(keys)
    namer = ChunkNamer(held.id_keys(TENANT)[0])
    rng = random.Random(SEED)
    with opening.open_store(keys) as store:
        ledger = Ledger(store._index, store._packs, held.sealing_key(), store._index.next_generation())
        for number in range(OBJECTS):
            digest, size, rows = _object(ledger, namer, rng, count // OBJECTS)
            store._index.add_recipe(digest, rows, ledger.generation)
            VirtualImage.objects.create(
                name=f"many-{number}", source=VirtualImage.Source.FILE, state=VirtualImage.State.READY,
                recipe=digest, size=size, data_size=size,
            )  # fmt: skip


def _object(ledger: Ledger, namer: ChunkNamer, rng: random.Random, chunks: int) -> tuple[str, int, set[int]]:
    """One object: its recipe, its size, and the rows of its packs."""
    from appliance.content.engine.lanes import Claim, Lane
    from sealing.content.ids import ChunkType
    from sealing.content.recipe import RecipeWriter

    lane = Lane(ledger)
    claims: set[Claim] = set()

    def store(kind: ChunkType, pieces: list[bytes]) -> list[bytes]:
        named = {namer.name(kind, piece): piece for piece in pieces}
        fresh, held = ledger.claim(named)
        claims.update(held)
        for chunk_id in fresh:
            lane.store(kind, chunk_id, named[chunk_id])
        return list(named)

    recipe = RecipeWriter(lambda kind, data: store(kind, [data])[0])
    for _ in range(chunks // CHUNKS_IN_PACK):
        pieces = [rng.randbytes(CHUNK_BYTES) for _ in range(CHUNKS_IN_PACK)]
        for chunk_id in store(ChunkType.CONTENT, pieces):
            recipe.chunk(chunk_id, CHUNK_BYTES)
        lane.flush()
    digest = recipe.finish()
    lane.flush()
    return digest.hex(), recipe.size, {claim.row for claim in claims if claim.row is not None}
