"""Taking sealed packs in: nothing that is not what it is called, and not openable, becomes visible."""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from appliance.content.engine.store import Store
from appliance.content.errors import KeyNotHeld, PackDamaged, PackMissing, PackOtherKey
from sealing.content.keys import HeldKeys, SealingKey
from sealing.content.manifest import PackRef
from sealing.secret import DataKey
from tests.appliance.content.conftest import ID_KEY, INDEX_KEY, Place, held, noise
from tests.vectors.forge_content import Chunk, forge_pack

FORGED_KEYS = HeldKeys(None, {"ab" * 16: DataKey(b"d" * 32)}, {"main": ID_KEY})


@pytest.fixture
def offered(tmp_path: Path) -> tuple[Path, PackRef]:
    """A good pack of another store."""
    elsewhere = Place(tmp_path / "elsewhere")
    with elsewhere.open() as store:
        with store.batch() as batch:
            batch.put_stream(io.BytesIO(noise(3 << 20)))
        (ref,) = store.packs()
        return store.pack_path(ref.digest), ref


def refused(store: Store, place: Place, digest: str) -> None:
    """Whatever was refused left nothing behind."""
    assert not store.has_pack(digest)
    assert place.packs() == []
    assert list((place.root / "packs").glob(".tmp-*")) == []


def test_a_pack_that_is_not_there_is_missing(store: Store, place: Place, tmp_path: Path) -> None:
    with pytest.raises(PackMissing):
        store.adopt_pack(tmp_path / "nothing", "00" * 32)
    refused(store, place, "00" * 32)


def test_a_pack_under_another_name_is_refused(
    store: Store, place: Place, offered: tuple[Path, PackRef]
) -> None:
    with pytest.raises(PackDamaged):
        store.adopt_pack(offered[0], "00" * 32)
    refused(store, place, "00" * 32)


def test_a_name_that_is_a_path_is_refused(store: Store, place: Place, offered: tuple[Path, PackRef]) -> None:
    with pytest.raises(PackDamaged):
        store.adopt_pack(offered[0], "../../../tmp/evil")
    refused(store, place, "../../../tmp/evil")


def test_a_pack_of_another_size_is_refused_before_it_is_all_read(
    store: Store, place: Place, offered: tuple[Path, PackRef]
) -> None:
    _, ref = offered
    given = []

    def pieces() -> Iterator[bytes]:
        for _ in range(1000):
            given.append(1)
            yield bytes(1 << 20)

    with pytest.raises(PackDamaged):
        store.adopt_pack(pieces(), ref.digest, size=ref.size)
    assert len(given) <= ref.size // (1 << 20) + 2
    refused(store, place, ref.digest)


def test_a_flipped_bit_is_refused(store: Store, place: Place, offered: tuple[Path, PackRef]) -> None:
    path, ref = offered
    data = bytearray(path.read_bytes())
    data[4000] ^= 1
    with pytest.raises(PackDamaged):
        store.adopt_pack([bytes(data)], ref.digest, size=ref.size)
    refused(store, place, ref.digest)


def test_a_flipped_bit_is_refused_even_with_the_digest_that_fits(
    store: Store, place: Place, offered: tuple[Path, PackRef]
) -> None:
    """Whoever owns the storage names packs as they like; the seal still tells."""
    data = bytearray(offered[0].read_bytes())
    data[4000] ^= 1
    digest = sha256(data).hexdigest()
    with pytest.raises(PackDamaged) as raised:
        store.adopt_pack([bytes(data)], digest)
    assert raised.value.facts["reason"] == "seal.does-not-open"
    refused(store, place, digest)


def test_a_truncated_pack_is_refused(store: Store, place: Place, offered: tuple[Path, PackRef]) -> None:
    data = offered[0].read_bytes()[: 1 << 20]
    digest = sha256(data).hexdigest()
    with pytest.raises(PackDamaged):
        store.adopt_pack([data], digest)
    refused(store, place, digest)


def test_a_pack_under_a_key_that_is_not_held_is_refused(place: Place, offered: tuple[Path, PackRef]) -> None:
    with place.open(held(2)) as store:
        with pytest.raises(KeyNotHeld):
            store.adopt_pack(offered[0], offered[1].digest)
        refused(store, place, offered[1].digest)


def test_a_pack_under_another_key_of_the_same_id_is_refused(
    place: Place, offered: tuple[Path, PackRef]
) -> None:
    wrong = HeldKeys(SealingKey(f"{1:032x}", DataKey(b"?" * 32)), {}, {"main": ID_KEY})
    with place.open(wrong) as store:
        with pytest.raises(PackOtherKey):
            store.adopt_pack(offered[0], offered[1].digest)
        refused(store, place, offered[1].digest)


@pytest.mark.parametrize(
    ("chunk", "reason"),
    [
        (Chunk(b"content", id=bytes(32)), "encoding.chunk-id"),
        (Chunk(b"content", sealed=b"x" * 100, encoding=1), "encoding.chunk-zstd"),
        (Chunk(b"x" * 9_000_000, encoding=1, length=1000), "encoding.chunk-length"),
    ],
    ids=["not-its-id", "not-compressed", "bomb"],
)
def test_a_pack_forged_with_the_data_key_is_refused(place: Place, chunk: Chunk, reason: str) -> None:
    data = forge_pack([chunk])
    with Store.open(place.root, keys=FORGED_KEYS, index_key=INDEX_KEY) as store:
        with pytest.raises(PackDamaged) as raised:
            store.adopt_pack([data], sha256(data).hexdigest())
        assert raised.value.facts["reason"] == reason
        refused(store, place, sha256(data).hexdigest())


def test_a_good_pack_is_taken_once_and_again_without_reading(
    store: Store, place: Place, offered: tuple[Path, PackRef]
) -> None:
    path, ref = offered
    assert store.adopt_pack(path, ref.digest, size=ref.size) == ref
    assert store.adopt_pack(iter(()), ref.digest) == ref
    assert [found.name for found in place.packs()] == [ref.digest]
    assert place.packs()[0].read_bytes() == path.read_bytes()


def test_packs_are_adopted_by_several_threads(place: Place, tmp_path: Path) -> None:
    elsewhere = Place(tmp_path / "elsewhere")
    contents = [noise(300_000, seed) for seed in range(8)]
    with elsewhere.open() as source:
        recipes = []
        for content in contents:
            with source.batch() as batch:
                recipes.append(batch.put_stream(io.BytesIO(content)).recipe)
        with place.open() as store, ThreadPoolExecutor(4) as pool:
            list(
                pool.map(
                    lambda ref: store.adopt_pack(source.pack_path(ref.digest), ref.digest), source.packs()
                )
            )
            assert [b"".join(store.iter_read(recipe)) for recipe in recipes] == contents
