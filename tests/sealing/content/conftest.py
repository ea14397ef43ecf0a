"""Keys of the vectors, and packs by the second writer."""

from __future__ import annotations

import pytest

from sealing.content.ids import ChunkNamer
from sealing.content.keys import HeldKeys, SealingKey
from sealing.secret import DataKey, IdKey
from tests.vectors import forge_content as forge


@pytest.fixture(scope="session")
def key() -> SealingKey:
    return SealingKey(forge.KEY_ID.hex(), DataKey(forge.DATA_KEY))


@pytest.fixture(scope="session")
def keys(key: SealingKey) -> HeldKeys:
    return HeldKeys(key, {}, {"main": IdKey(forge.ID_KEY)})


@pytest.fixture(scope="session")
def namer() -> ChunkNamer:
    return ChunkNamer(IdKey(forge.ID_KEY))
