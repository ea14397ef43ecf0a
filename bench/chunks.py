"""A store with very many chunks: real packs, real recipes, real index; only the chunks are tiny.

Packs hold as many chunks as packs of ordinary content do, so everything that goes by packs or by chunks is
met in its true number, in a thousandth of the bytes.
"""
# ruff: noqa: S311  # numbers of a data set, the same each time

from __future__ import annotations

import random
from typing import Final

from bench.data import SEED

CHUNKS_IN_PACK: Final = 400  # 64 MiB of chunks of 160 KiB
CHUNK_BYTES: Final = 24
OBJECTS: Final = 20


def fill(count: int) -> None:
    """Put `count` chunks into the site's store, as a few virtual images."""
    from appliance.catalog.models import VirtualImage
    from appliance.content import TENANT
    from appliance.content.engine import opening
    from appliance.content.engine.lanes import Claim, Lane, Ledger
    from sealing.content.ids import ChunkNamer, ChunkType
    from sealing.content.recipe import RecipeWriter

    keys = opening.engine_keys()
    held = opening.content_keys(keys)
    namer = ChunkNamer(held.id_keys(TENANT)[0])
    rng = random.Random(SEED)
    with opening.open_store(keys) as store:
        ledger = Ledger(store._index, store._packs, held.sealing_key(), store._index.next_generation())
        for number in range(OBJECTS):
            lane = Lane(ledger)
            claims: set[Claim] = set()

            def put(kind: ChunkType, data: bytes, lane: Lane = lane, claims: set[Claim] = claims) -> bytes:
                chunk_id = namer.name(kind, data)
                fresh, held_claims = ledger.claim([chunk_id])
                claims |= held_claims
                if fresh:
                    lane.store(kind, chunk_id, data)
                return chunk_id

            recipe = RecipeWriter(put)
            for chunk in range(count // OBJECTS):
                recipe.chunk(put(ChunkType.CONTENT, rng.randbytes(CHUNK_BYTES)), CHUNK_BYTES)
                if chunk % CHUNKS_IN_PACK == CHUNKS_IN_PACK - 1:
                    lane.flush()
            digest = recipe.finish()
            lane.flush()
            rows = {claim.row for claim in claims if claim.row is not None}
            store._index.add_recipe(digest.hex(), rows, ledger.generation)
            VirtualImage.objects.create(
                name=f"many-{number}", source=VirtualImage.Source.FILE, state=VirtualImage.State.READY,
                recipe=digest.hex(), size=recipe.size, data_size=recipe.data_size,
            )  # fmt: skip
