"""Collecting in the store: what it refuses, what it frees, what a batch in between keeps, and kills.

Two objects of one batch lie in one pack; with only the first of them living, the pack is half dead.
"""

from __future__ import annotations

import copy
import io
import itertools
import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.content.engine.collecting import Limits, Look, Repacked
from appliance.content.engine.store import Store
from appliance.content.errors import (
    ContentIncomplete,
    NoActiveKey,
    PackDamaged,
    RecipeUnknown,
    StoreFull,
)
from ground.files import use
from ground.refusals import Refusal
from sealing.content.manifest import PackRef
from tests.appliance.content.conftest import Place, held, noise
from tests.support.faultfs import RAISING, Fault, FaultFs, points

DAY = 86_400
NOW = 4_000_000_000  # long after anything was put
LIMITS = Limits(grace_seconds=DAY, quota_percent=100, repack_percent=50, rewrite_bytes=1 << 30)
LIVING, DYING = noise(120_000, 1), noise(400_000, 2)


def put(store: Store, *contents: bytes) -> list[str]:
    """Objects of one batch."""
    with store.batch() as batch:
        return [batch.put_stream(io.BytesIO(content)).recipe for content in contents]


def got(store: Store, recipe: str) -> bytes:
    return b"".join(store.iter_read(recipe))


def run(
    store: Store, living: list[str], *, now: int = NOW, limits: Limits = LIMITS
) -> tuple[list[PackRef], Repacked]:
    """One collection, as the job makes it."""
    with store.collector() as collector:
        look = collector.look(living, since=now - limits.grace_seconds)
        collector.mark(look, now=now)
        gone = collector.drop(look.due(limits, now))
        return gone, collector.repack(look.half_dead(limits), look, now=now)


def look_at(store: Store, living: list[str], *, since: int = NOW) -> Look:
    with store.collector() as collector:
        return collector.look(living, since=since)


def on_disk(place: Place) -> set[str]:
    return {path.name for path in place.packs()}


# ---- refused -----------------------------------------------------------------------------------------------


def test_an_object_that_cannot_be_walked_stops_everything(place: Place) -> None:
    with place.open() as store:
        kept, lost = put(store, LIVING)[0], put(store, DYING)[0]
        (victim,) = (ref.digest for ref in store.packs_of([lost]))
    store_pack = next(path for path in place.packs() if path.name == victim)
    store_pack.unlink()
    with place.open() as store:
        for wanted in (lost, "00" * 32, "no digest"):
            with pytest.raises((RecipeUnknown, ContentIncomplete)):
                run(store, [kept, wanted])
        assert got(store, kept) == LIVING


def test_a_store_without_an_active_key_repacks_nothing(place: Place) -> None:
    with place.open() as store:
        kept, _ = put(store, LIVING, DYING)
    before = on_disk(place)
    with place.open(held(None, 1)) as store:
        with pytest.raises(NoActiveKey):
            run(store, [kept])
        assert got(store, kept) == LIVING
    assert on_disk(place) == before


def test_a_damaged_pack_stays_as_it_is_is_told_of_and_does_not_stop_the_others(place: Place) -> None:
    with place.open() as store:
        damaged, _ = put(store, LIVING, DYING)
        sound, _ = put(store, noise(120_000, 3), noise(400_000, 4))
        (victim,) = (ref.digest for ref in store.packs_of([damaged]))
    path = next(path for path in place.packs() if path.name == victim)
    data = bytearray(path.read_bytes())
    data[5_000] ^= 1
    path.write_bytes(data)
    with place.open() as store:
        _, repacked = run(store, [damaged, sound])
        assert [refusal.code for refusal in repacked.damaged] == [PackDamaged.code]
        assert victim not in {ref.digest for ref in repacked.emptied}
        assert len(repacked.emptied) == 1
        assert got(store, sound) == noise(120_000, 3)
        assert victim in {ref.digest for ref in store.packs_of([damaged])}


def test_a_full_disk_ends_a_repack_and_loses_nothing(place: Place) -> None:
    with place.open() as store:
        kept, _ = put(store, LIVING, DYING)
        with pytest.raises(StoreFull), use(FaultFs("ENOSPC", 3, sticky=True)):
            run(store, [kept])
        assert got(store, kept) == LIVING
    with place.open() as store:
        assert len(run(store, [kept])[1].emptied) == 1
        assert got(store, kept) == LIVING


def test_nothing_is_collected_beside_an_open_batch_and_no_batch_opens_beside_a_collection(
    store: Store,
) -> None:
    with store.batch(), pytest.raises(AssertionError, match="beside a batch"), store.collector():
        pass
    with store.collector(), pytest.raises(AssertionError, match="one batch"), store.batch():
        pass


# ---- frees -------------------------------------------------------------------------------------------------


def test_a_dead_pack_goes_a_grace_after_it_was_first_found_dead_and_not_before(
    place: Place, store: Store
) -> None:
    kept, dead = put(store, LIVING)[0], put(store, DYING)[0]
    (victim,) = store.packs_of([dead])
    assert run(store, [kept])[0] == []
    assert run(store, [kept], now=NOW + DAY - 1)[0] == []
    assert run(store, [kept], now=NOW + DAY)[0] == [victim]
    assert victim.digest not in on_disk(place)
    assert got(store, kept) == LIVING
    assert store.verify(chunks=True) == []
    with pytest.raises(RecipeUnknown):
        got(store, dead)
    assert got(store, put(store, DYING)[0]) == DYING  # it can be put again


def test_what_was_put_within_the_grace_is_needed_though_nobody_told_of_it(store: Store) -> None:
    kept, untold = put(store, LIVING)[0], put(store, DYING)[0]
    just = look_at(store, [kept], since=0)
    assert just.dead() == []
    assert {kept, untold} == set(just.needed)
    assert len(look_at(store, [kept], since=NOW).dead()) == 1


def test_putting_or_adopting_an_old_object_again_begins_its_grace_anew(place: Place) -> None:
    with place.open() as store:
        (old,) = put(store, DYING)
        index = store._index
        for touch in (lambda: put(store, DYING), lambda: store.adopt_recipe(old)):
            with index.transaction():
                index.run("UPDATE recipe SET touched = 5")
            assert set(look_at(store, [], since=6).needed) == set()
            touch()
            assert set(look_at(store, [], since=6).needed) == {old}


def test_a_quota_bounds_what_one_run_removes_and_the_oldest_goes_first(place: Place, store: Store) -> None:
    (kept,) = put(store, LIVING)
    first = put(store, noise(400_000, 5))
    run(store, [kept, *put(store, noise(400_000, 6))], now=NOW)
    run(store, [kept], now=NOW + 10)
    few = replace(LIMITS, quota_percent=1)
    gone, _ = run(store, [kept], now=NOW + 2 * DAY, limits=few)
    assert len(gone) == 1
    assert len(run(store, [kept], now=NOW + 2 * DAY, limits=few)[0]) == 1
    assert run(store, [kept], now=NOW + 2 * DAY, limits=few)[0] == []
    with pytest.raises(RecipeUnknown):
        got(store, first[0])
    assert got(store, kept) == LIVING


def test_a_mostly_dead_pack_is_sealed_anew_and_the_old_one_goes_after_its_own_grace(
    place: Place, store: Store
) -> None:
    kept, dead = put(store, LIVING, DYING)
    (old,) = store.packs_of([kept])
    gone, repacked = run(store, [kept])
    assert (gone, repacked.emptied, len(repacked.made)) == ([], [old], 1)
    assert store.packs_of([kept]) == repacked.made  # what the next backup sends
    assert {old.digest, repacked.made[0].digest} == on_disk(place)
    assert got(store, kept) == LIVING
    assert run(store, [kept], now=NOW + DAY) == ([old], Repacked())
    assert got(store, kept) == LIVING
    assert store.verify(chunks=True) == []
    assert store.statistics().stored_bytes == repacked.made[0].size < old.size
    with pytest.raises(RecipeUnknown):
        got(store, dead)


def test_a_repack_seals_under_the_key_that_is_active_now(place: Place) -> None:
    with place.open(held(1)) as store:
        kept, _ = put(store, LIVING, DYING)
    with place.open(held(2, 1)) as store:
        _, repacked = run(store, [kept])
        assert [ref.data_key for ref in repacked.made] == [f"{2:032x}"]
    with place.open(held(2)) as store:  # the old key is not needed any more
        assert got(store, kept) == LIVING


def test_several_half_dead_packs_become_one_the_deadest_first_and_no_more_than_may_be_written(
    store: Store,
) -> None:
    pairs = [put(store, noise(200_000 + n * 10_000, n), noise(900_000, 50 + n)) for n in range(4)]
    kept = [pair[0] for pair in pairs]
    deadest = store.packs_of(kept[:2])
    _, repacked = run(store, kept, limits=replace(LIMITS, rewrite_bytes=450_000))
    assert sorted(ref.digest for ref in repacked.emptied) == [ref.digest for ref in deadest]
    assert len(repacked.made) == 1
    assert run(store, kept)[1].made != []
    assert run(store, kept)[1] == Repacked()  # nothing is left to do
    assert [got(store, recipe) for recipe in kept] == [noise(200_000 + n * 10_000, n) for n in range(4)]


def test_packs_that_would_not_become_smaller_are_left_alone(store: Store) -> None:
    kept, _ = put(store, noise(5_000, 1), noise(20_000, 2))  # one step of padding, before and after
    assert run(store, [kept])[1] == Repacked()


def test_an_object_that_shares_chunks_with_a_dead_one_keeps_what_it_needs(store: Store) -> None:
    common = noise(2 << 20, 7)
    (kept,) = put(store, LIVING + common)
    (dead,) = put(store, common + DYING)
    run(store, [kept])
    run(store, [kept], now=NOW + DAY)
    run(store, [kept], now=NOW + 2 * DAY)
    assert got(store, kept) == LIVING + common
    assert store.verify(chunks=True) == []
    with pytest.raises((RecipeUnknown, ContentIncomplete)):
        got(store, dead)


def test_after_the_index_was_rebuilt_graces_begin_anew_and_nothing_is_lost(place: Place) -> None:
    with place.open() as store:
        kept, _ = put(store, LIVING, DYING)
        put(store, noise(500_000, 8))
        run(store, [kept])
    for name in ("index", "index-wal", "index-shm"):
        (place.root / name).unlink(missing_ok=True)
    with place.open() as store:
        assert run(store, [kept], now=NOW + DAY)[0] == []
        gone, _ = run(store, [kept], now=NOW + 2 * DAY)
        assert len(gone) >= 2
        assert got(store, kept) == LIVING
        assert store.verify(chunks=True) == []


def test_an_index_of_the_version_before_is_taken_over(place: Place) -> None:
    with place.open() as store:
        kept, _ = put(store, LIVING, DYING)
        index = store._index
        with index.transaction():
            for statement in (
                "ALTER TABLE pack DROP COLUMN content",
                "ALTER TABLE pack DROP COLUMN live",
                "ALTER TABLE pack DROP COLUMN leaving",
                "ALTER TABLE recipe DROP COLUMN touched",
                "DELETE FROM meta WHERE name = 'last-pack'",
                "PRAGMA user_version = 1",
            ):
                index.run(statement)
    with place.reading() as reader:
        assert got(reader, kept) == LIVING
    with place.open() as store:
        assert look_at(store, [], since=1).dead() == []  # put at a time nobody knows: now
        assert len(run(store, [kept])[1].emptied) == 1
        assert got(store, kept) == LIVING


# ---- the race ----------------------------------------------------------------------------------------------


def test_a_batch_that_finds_a_chunk_in_a_pack_on_its_way_out_keeps_the_pack(
    place: Place, store: Store
) -> None:
    """Found dead; put again before its grace is over; the next look is after the grace."""
    kept, dead = put(store, LIVING)[0], put(store, DYING)[0]
    (victim,) = store.packs_of([dead])
    run(store, [kept])
    with store.batch() as batch:
        again = batch.put_stream(io.BytesIO(DYING))
    assert (again.recipe, again.new_bytes) == (dead, 0)
    assert run(store, [kept, dead], now=NOW + 2 * DAY)[0] == []
    assert victim.digest in on_disk(place)
    assert got(store, dead) == DYING
    assert run(store, [kept], now=NOW + 2 * DAY + 1)[0] == []  # and its grace begins anew
    assert run(store, [kept], now=NOW + 4 * DAY)[0] == [victim]


def test_a_chunk_left_behind_in_a_repacked_pack_keeps_that_pack_when_it_is_found_again(
    place: Place, store: Store
) -> None:
    kept, dead = put(store, LIVING, DYING)
    _, repacked = run(store, [kept])
    (again,) = put(store, DYING)
    assert again == dead
    assert run(store, [kept, dead], now=NOW + 2 * DAY)[0] == []
    assert {ref.digest for ref in store.packs_of([kept, dead])} >= {repacked.emptied[0].digest}
    assert [got(store, recipe) for recipe in (kept, dead)] == [LIVING, DYING]
    assert store.verify(chunks=True) == []


def test_a_reader_in_mid_object_reads_on_while_its_packs_are_repacked(place: Place, store: Store) -> None:
    content = noise(1 << 20, 9)
    kept, _ = put(store, content, noise(3 << 20, 10))
    with place.reading() as reader:
        pieces = reader.iter_read(kept)
        begun = next(pieces)
        run(store, [kept])
        assert begun + b"".join(pieces) == content
        assert got(reader, kept) == content


def test_a_writer_that_was_replaced_collects_nothing(place: Place) -> None:
    """The lock was lost (a network file system): the fence still holds the older writer back."""
    first = place.open()
    kept, _ = put(first, LIVING, DYING)
    os.close(first._lock or -1)
    first._lock = 0
    with place.open(), first.collector() as collector, pytest.raises(Refusal) as refused:
        collector.mark(collector.look([kept], since=NOW), now=NOW)
    assert refused.value.code == "content.store-fenced"
    first._lock = None
    first.close()


# ---- faults ------------------------------------------------------------------------------------------------


class World:
    """A store with a dead pack that is due, a half-dead one, and one that lives whole."""

    def __init__(self, place: Place) -> None:
        self.place = place
        with place.open() as store:
            self.half, _ = put(store, LIVING, DYING)
            put(store, noise(200_000, 11))
            (self.whole,) = put(store, noise(250_000, 12))
            run(store, self.living, limits=replace(LIMITS, repack_percent=0))

    @property
    def living(self) -> list[str]:
        return [self.half, self.whole]

    def collect(self, now: int = NOW + DAY) -> None:
        with self.place.open() as store:
            run(store, self.living, now=now)

    def check(self) -> None:
        """As the next process finds it: all that lives is there, and the next collections end the work."""
        with self.place.open() as store:
            assert got(store, self.half) == LIVING
            assert got(store, self.whole) == noise(250_000, 12)
            assert store.verify(chunks=True) == []
        for days in (2, 4):
            self.collect(NOW + days * DAY)
        with self.place.open() as store:
            assert got(store, self.half) == LIVING
            assert got(store, self.whole) == noise(250_000, 12)
            assert store.verify(chunks=True) == []
            assert len(store.packs()) == 2 == len(self.place.packs())
            assert got(store, put(store, DYING)[0]) == DYING


@pytest.mark.parametrize("fault", RAISING)
def test_an_error_at_every_operation_of_a_collection_loses_nothing(place: Place, fault: Fault) -> None:
    world = World(place)

    def strike(fs: FaultFs) -> None:
        with use(fs):
            try:
                world.collect()
            except (OSError, Refusal):
                return

    struck = 0
    for fs in points(strike, fault):
        struck += fs.struck
        with place.open() as store:
            assert got(store, world.half) == LIVING
    assert struck >= 5
    world.check()


def test_a_kill_at_every_operation_of_a_collection_loses_nothing(place: Place, tmp_path: Path) -> None:
    """Every second one; a write is torn first, any other operation is struck just before it."""
    whole, ends = World(place), [-signal.SIGKILL]
    for at in itertools.takewhile(lambda _: ends[-1], itertools.count(1, 2)):
        world = copy.copy(whole)
        world.place = Place(tmp_path / str(at))
        shutil.copytree(place.root, world.place.root)
        ends.append(in_a_child(world, at))
        world.check()
    assert ends == [-signal.SIGKILL] * (len(ends) - 1) + [0]
    assert len(ends) >= 5


def in_a_child(world: World, at: int) -> int:
    """Collect in a process of its own, with a fault; how it ended."""
    child = os.fork()
    if child == 0:
        try:
            with use(FaultFs("tear-kill", at)):
                world.collect()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_cancelled_collection_stops_its_work_and_the_next_one_goes_on(place: Place) -> None:
    class Stop(Exception):
        pass

    def asked() -> Iterator[None]:
        yield
        raise Stop

    world, check = World(place), asked().__next__
    with place.open() as store, store.collector() as collector:
        look = collector.look(world.living, since=NOW + DAY)
        collector.mark(look, now=NOW + DAY)
        with pytest.raises(Stop):
            collector.repack(look.half_dead(LIMITS), look, now=NOW + DAY, check=check)
    assert list((place.root / "packs").glob(".tmp-*")) == []
    world.check()
