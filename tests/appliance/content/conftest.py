"""Stores with keys of their own, and data to put in."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.content.engine.store import Store
from sealing.content.keys import HeldKeys, SealingKey
from sealing.secret import DataKey, IdKey, Key256
from tests.support.bench_fixtures import bench, maker  # noqa: F401

INDEX_KEY = Key256(b"x" * 32)
ID_KEY = IdKey(b"i" * 32)


def held(active: int | None = 1, *others: int) -> HeldKeys:
    """Data keys by number; `active` seals, the others only open."""
    keys = {f"{number:032x}": DataKey(bytes([number]) * 32) for number in (active, *others) if number}
    sealing = None if active is None else SealingKey(f"{active:032x}", keys[f"{active:032x}"])
    return HeldKeys(sealing, keys, {"main": ID_KEY})


def noise(size: int, seed: int = 1) -> bytes:
    """Incompressible bytes, the same for one seed."""
    return random.Random(seed).randbytes(size)  # filler, not a secret


@dataclass
class Place:
    """A store's directory and how to open it."""

    root: Path

    def open(self, keys: HeldKeys | None = None) -> Store:
        return Store.open(self.root, keys=keys or held(), index_key=INDEX_KEY)

    def reading(self, keys: HeldKeys | None = None) -> Store:
        return Store.reading(self.root, keys=keys or held(), index_key=INDEX_KEY)

    def packs(self) -> list[Path]:
        return sorted(path for path in (self.root / "packs").glob("??/*") if path.is_file())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "store")


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with place.open() as opened:
        yield opened


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A sparse file of 40 MiB: data, a hole of 20 MiB, data, a hole at the end."""
    path = tmp_path / "disk.raw"
    with path.open("wb") as file:
        file.write(noise(6 << 20) + b"words " * 500_000)
        file.seek(30 << 20)
        file.write(noise(4 << 20, seed=2))
        file.truncate(40 << 20)
    return path
