"""The store: what it refuses, what it gives back, and what it costs."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from pathlib import Path

import pytest

from appliance.content.engine.outlet import FileSink
from appliance.content.engine.store import Store
from appliance.content.errors import (
    ContentChanged,
    ContentIncomplete,
    IndexUnreadable,
    KeyNotHeld,
    NoActiveKey,
    PackDamaged,
    PackMissing,
    PackOtherKey,
    RecipeUnknown,
    SourceUnreadable,
    StoreBusy,
    StoreFenced,
)
from sealing.content.keys import HeldKeys, SealingKey
from sealing.content.pack import PACK_BYTES, is_padded_size
from sealing.secret import DataKey, IdKey, Key256
from tests.appliance.content.conftest import ID_KEY, INDEX_KEY, Place, held, noise


def put(store: Store, content: bytes) -> str:
    with store.batch() as batch:
        return batch.put_stream(io.BytesIO(content)).recipe


def got(store: Store, recipe: str) -> bytes:
    return b"".join(store.iter_read(recipe))


def damage(path: Path, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def test_without_an_active_key_nothing_is_taken(place: Place) -> None:
    with place.open(held(None, 1)) as store, pytest.raises(NoActiveKey):
        store.batch()


def test_a_second_writer_is_refused(place: Place, store: Store) -> None:
    with pytest.raises(StoreBusy):
        place.open()


def test_a_writer_that_was_replaced_makes_nothing_visible(place: Place, store: Store) -> None:
    """The lock cannot be lost on one host; the fence holds even if it were."""

    def put_late() -> None:
        with store.batch() as batch:
            batch.put_stream(io.BytesIO(b"late"))
            store._index._connection.execute("UPDATE meta SET value = value + 1 WHERE name = 'fence'")

    with pytest.raises(StoreFenced):
        put_late()
    assert store.statistics().recipes == 0


def test_reading_where_there_is_no_store_is_refused(place: Place) -> None:
    with pytest.raises(IndexUnreadable):
        place.reading()


def test_an_unknown_recipe_is_refused(store: Store) -> None:
    with pytest.raises(RecipeUnknown):
        got(store, "00" * 32)


@pytest.mark.parametrize("name", ["", "zz", "../../etc/passwd"])
def test_a_recipe_that_is_no_digest_is_refused(store: Store, name: str) -> None:
    with pytest.raises(RecipeUnknown):
        got(store, name)


@pytest.mark.parametrize("name", ["", "zz", "../" * 20, "A" * 64])
def test_a_pack_that_is_no_digest_is_missing(store: Store, name: str) -> None:
    with pytest.raises(PackMissing):
        store.pack_path(name)


def test_a_directory_is_no_source(store: Store, tmp_path: Path) -> None:
    with store.batch() as batch, pytest.raises(SourceUnreadable):
        batch.put_file(tmp_path)


def test_a_missing_file_is_no_source(store: Store, tmp_path: Path) -> None:
    with store.batch() as batch, pytest.raises(SourceUnreadable):
        batch.put_file(tmp_path / "nothing")


def test_a_file_that_changes_meanwhile_is_refused_and_nothing_is_visible(store: Store, disk: Path) -> None:
    def touch(done: int, total: int) -> None:
        os.utime(disk, (1, done))

    with pytest.raises(ContentChanged), store.batch() as batch:
        batch.put_file(disk, progress=touch)
    assert store.statistics().recipes == 0


class Broken(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        if self.tell() > 20 << 20:
            raise OSError("the cable")
        return piece


def test_a_source_that_breaks_makes_nothing_visible_and_lets_the_next_batch_go_on(store: Store) -> None:
    content = noise(40 << 20)
    with pytest.raises(OSError, match="the cable"), store.batch() as batch:
        batch.put_stream(Broken(content))
    assert store.statistics().recipes == 0
    assert got(store, put(store, content)) == content


class Stop(Exception):
    pass


def test_a_cancelled_put_stops_its_threads_and_makes_nothing_visible(store: Store, disk: Path) -> None:
    def check() -> None:
        raise Stop

    with pytest.raises(Stop), store.batch() as batch:
        batch.put_file(disk, check=check)
    assert store.statistics().recipes == 0
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("intake")] == []


def test_a_flipped_chunk_is_refused_by_name_of_its_pack(place: Place) -> None:
    with place.open() as store:
        recipe = put(store, noise(3 << 20))
    (pack,) = place.packs()
    damage(pack, 1000)
    with place.reading() as store, pytest.raises(PackDamaged) as refused:
        got(store, recipe)
    assert refused.value.facts["pack"] == pack.name


def test_a_missing_pack_is_refused(place: Place) -> None:
    with place.open() as store:
        recipe = put(store, noise(3 << 20))
    place.packs()[0].unlink()
    with place.reading() as store, pytest.raises(PackMissing):
        got(store, recipe)


def test_a_key_that_is_not_held_is_told_from_a_wrong_key(place: Place) -> None:
    with place.open() as store:
        recipe = put(store, b"content")
    wrong = HeldKeys(SealingKey(f"{1:032x}", DataKey(b"?" * 32)), {}, {"main": ID_KEY})
    with place.reading(held(2)) as store, pytest.raises(KeyNotHeld):
        got(store, recipe)
    with place.reading(wrong) as store, pytest.raises(PackOtherKey):
        got(store, recipe)


def test_content_of_another_tenants_id_key_is_refused(place: Place) -> None:
    with place.open() as store:
        recipe = put(store, b"content")
    other = HeldKeys(None, {f"{1:032x}": DataKey(b"\x01" * 32)}, {"main": IdKey(b"o" * 32)})
    with place.reading(other) as store, pytest.raises(PackDamaged) as refused:
        got(store, recipe)
    assert refused.value.facts["reason"] == "encoding.chunk-id"


def test_verification_finds_what_is_damaged_and_what_is_missing(place: Place) -> None:
    with place.open() as store:
        for seed in range(3):
            put(store, noise(200_000, seed))
        good, flipped, gone = place.packs()
        damage(flipped, 5000)
        gone.unlink()
        found = {item.pack: item.code for item in store.verify(chunks=True)}
    assert found == {flipped.name: "content.pack-damaged", gone.name: "content.pack-missing"}
    assert good.exists()


def test_the_index_shows_nothing_to_whoever_has_the_file(place: Place) -> None:
    with place.open() as store:
        put(store, b"content")
    raw = (place.root / "index").read_bytes()
    assert not raw.startswith(b"SQLite format")
    assert place.packs()[0].name.encode() not in raw


@pytest.mark.parametrize("size", [0, 1, 32 << 10, (16 << 20) - 1, 16 << 20, (16 << 20) + 1, 50 << 20])
def test_a_stream_of_any_size_comes_back_as_it_was(store: Store, size: int) -> None:
    content = noise(size)
    assert got(store, put(store, content)) == content


def test_a_sparse_file_comes_back_sparse_and_bit_exact(store: Store, disk: Path, tmp_path: Path) -> None:
    with store.batch() as batch:
        taken = batch.put_file(disk, sha256=True)
    with FileSink(tmp_path / "back.raw") as sink:
        sink.commit(store.read(taken.recipe, sink))
    assert (tmp_path / "back.raw").read_bytes() == disk.read_bytes()
    assert (tmp_path / "back.raw").stat().st_blocks <= disk.stat().st_blocks
    assert taken.sha256 == hashlib.sha256(disk.read_bytes()).hexdigest()
    assert (taken.size, taken.data_size) == (40 << 20, disk.stat().st_blocks * 512)


def test_a_file_of_nothing_but_a_hole_comes_back(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "hole"
    with path.open("wb") as file:
        file.truncate(5 << 20)
    with store.batch() as batch:
        taken = batch.put_file(path, sha256=True)
    assert (taken.size, taken.data_size) == (5 << 20, 0)
    assert got(store, taken.recipe) == bytes(5 << 20)


def test_a_file_and_a_stream_of_the_same_bytes_are_one_object(store: Store, tmp_path: Path) -> None:
    content = noise(35 << 20)
    path = tmp_path / "file"
    path.write_bytes(content)
    with store.batch() as batch:
        assert batch.put_file(path).recipe == batch.put_stream(io.BytesIO(content)).recipe


def test_content_that_is_there_already_costs_nothing(place: Place, store: Store, disk: Path) -> None:
    with store.batch() as batch:
        batch.put_file(disk)
    before = [path.name for path in place.packs()]
    with store.batch() as batch:
        again = batch.put_file(disk)
    assert (again.new_bytes, again.stored_bytes) == (0, 0)
    assert [path.name for path in place.packs()] == before


def test_a_change_costs_what_is_new(store: Store) -> None:
    content = noise(20 << 20)
    put(store, content)
    changed = content[: 10 << 20] + b"a change" + content[10 << 20 :]
    with store.batch() as batch:
        taken = batch.put_stream(io.BytesIO(changed))
    assert 0 < taken.new_bytes < 4 << 20


def test_equal_chunks_within_one_object_are_stored_once(store: Store) -> None:
    content = noise(16 << 20) * 3
    with store.batch() as batch:
        taken = batch.put_stream(io.BytesIO(content))
    assert taken.new_bytes == 16 << 20
    assert got(store, taken.recipe) == content


def test_full_packs_have_the_full_size(place: Place, store: Store) -> None:
    put(store, noise(150 << 20))
    sizes = [path.stat().st_size for path in place.packs()]
    assert sizes.count(PACK_BYTES) >= 1
    assert all(is_padded_size(size) for size in sizes)


def test_every_pack_is_named_by_its_digest_and_readable_by_its_owner_only(place: Place, store: Store) -> None:
    put(store, noise(1 << 20))
    for path in place.packs():
        assert path.name == hashlib.sha256(path.read_bytes()).hexdigest()
        assert path.stat().st_mode & 0o777 == 0o600


def test_nothing_of_the_content_is_in_clear_below_the_store(place: Place, store: Store) -> None:
    put(store, b"a very plain sentence " * 100_000)
    raw = b"".join(path.read_bytes() for path in place.root.rglob("*") if path.is_file())
    assert b"plain sentence" not in raw


def test_old_chunks_are_reused_after_a_rotation_and_new_ones_sealed_under_the_new_key(place: Place) -> None:
    first, second = noise(3 << 20, 1), noise(3 << 20, 2)
    with place.open(held(1)) as store:
        put(store, first)
    with place.open(held(2, 1)) as store, store.batch() as batch:
        taken = batch.put_stream(io.BytesIO(first + second))
        assert len(second) <= taken.new_bytes < len(second) + (2 << 20)
    with place.reading(held(2, 1)) as store:
        assert {ref.data_key for ref in store.packs_of([taken.recipe])} == {f"{1:032x}", f"{2:032x}"}
        assert got(store, taken.recipe) == first + second


def test_packs_of_an_object_are_all_it_needs(place: Place, store: Store, tmp_path: Path) -> None:
    """Only these packs, in an empty store with other keys but the data key: the object comes back."""
    wanted = noise(5 << 20, 1)
    recipe = put(store, wanted)
    put(store, noise(5 << 20, 2))
    refs = store.packs_of([recipe])
    assert len(refs) < store.statistics().packs
    keys = HeldKeys(None, {f"{1:032x}": DataKey(b"\x01" * 32)}, {"main": ID_KEY})
    with Store.open(tmp_path / "other", keys=keys, index_key=Key256(b"y" * 32)) as other:
        for ref in refs:
            other.adopt_pack(store.pack_path(ref.digest), ref.digest, size=ref.size)
        other.adopt_recipe(recipe)
        assert got(other, recipe) == wanted


def test_readers_see_the_store_beside_the_writer(place: Place, store: Store) -> None:
    recipe = put(store, b"first")
    with place.reading() as reader:
        assert got(reader, recipe) == b"first"
        later = put(store, b"later")
        assert got(reader, later) == b"later"


def test_the_index_is_made_anew_from_the_packs(place: Place) -> None:
    content = noise(20 << 20)
    with place.open() as store:
        recipe = put(store, content)
    for name in ("index", "index-wal", "index-shm"):
        (place.root / name).unlink(missing_ok=True)
    with place.open() as store:
        assert got(store, recipe) == content
        assert [ref.digest for ref in store.packs_of([recipe])] == [path.name for path in place.packs()]


def test_an_index_under_another_key_is_made_anew(place: Place) -> None:
    with place.open() as store:
        recipe = put(store, b"content")
    with Store.open(place.root, keys=held(), index_key=Key256(b"new key, same packs, 32 bytes ok")) as store:
        assert got(store, recipe) == b"content"


def test_the_index_forgets_packs_that_are_gone(place: Place) -> None:
    with place.open() as store:
        recipe = put(store, noise(200_000, 1))
        kept = put(store, noise(200_000, 2))
        (pack,) = store.packs_of([recipe])
    place.root.joinpath("packs", pack.digest[:2], pack.digest).unlink()
    with place.open() as store:
        assert store.packs() == store.packs_of([kept])
        with pytest.raises(RecipeUnknown):
            store.packs_of([recipe])


def test_an_object_with_a_missing_pack_is_incomplete(store: Store, tmp_path: Path) -> None:
    content = noise(3 << 20)
    put(store, content)
    recipe = put(store, content + noise(200_000, 2))
    newest = store.packs_of([recipe])
    old = [ref for ref in newest if ref.size > 1 << 20]
    with Store.open(tmp_path / "other", keys=held(), index_key=INDEX_KEY) as other:
        for ref in set(newest) - set(old):
            other.adopt_pack(store.pack_path(ref.digest), ref.digest)
        with pytest.raises(ContentIncomplete) as refused:
            other.adopt_recipe(recipe)
    assert refused.value.facts["missing"] > 0
