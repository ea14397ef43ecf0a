"""Backups onto each kind of target that breaks, lies or throws the unit out in mid-run: a clear refusal and
never a warning; no image lost, nothing concluded from a listing that is not whole; nothing sent twice.
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from appliance.backup.actions.add_target import add_target
from appliance.backup.actions.connect_target import connect_target
from appliance.backup.actions.start_backup import start_backup
from appliance.backup.engine import house
from appliance.backup.engine.repository import Place, pack_name
from appliance.backup.models import BackupImage, BackupTarget
from appliance.backup.targets import KINDS, limited
from jobs.actions import cancel_job
from jobs.context import JobContext
from jobs.models import Job
from tests.support import places
from tests.support.bench import ADMIN, Bench, noise
from tests.support.places import place_of


class Sending:
    """Watches the packs that a kind of target is asked to put, and acts before one of them."""

    def __init__(self, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.written: list[str] = []
        self.asked = 0
        self.at, self.act = 0, _nothing
        self._lock = threading.Lock()
        made: Any = KINDS[kind]
        real = self._real = made.put

        def put(target: Any, name: str, *args: Any, **more: Any) -> bool:
            if name.startswith("packs/"):
                with self._lock:
                    self.asked += 1
                    if self.asked == self.at:
                        self.act()
            fresh = bool(real(target, name, *args, **more))
            self.written += [name] * (fresh and name.startswith("packs/"))
            return fresh

        monkeypatch.setattr(made, "put", put)

    def put_past(self, target: Any, name: str, data: bytes) -> None:
        """Put something without its being watched: what another unit does."""
        self._real(target, name, [data], digest=hashlib.sha256(data).hexdigest(), size=len(data))

    def before(self, at: int, act: Callable[[], None]) -> None:
        """Do this before the pack number `at` that is put from now on."""
        self.asked, self.at, self.act = 0, at, act


def _nothing() -> None:
    pass


@pytest.fixture(params=sorted(KINDS))
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[places.Place]:
    with place_of(request.param, tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def stand(unit_on_bench: Bench, place: places.Place) -> tuple[Bench, BackupTarget]:
    """A unit with one verified image there, and two disk images that it does not hold."""
    bench = unit_on_bench
    target = connected(bench, place)
    bench.back_up(target)
    bench.add_image("third", noise(11))
    bench.add_image("fourth", noise(12))
    return bench, target


def connected(bench: Bench, place: places.Place) -> BackupTarget:
    target = add_target(
        actor=ADMIN,
        name="place",
        kind=place.kind,
        settings=place.settings,
        credentials=dict(place.credentials) if place.credentials else None,
        private_addresses=place.kind != "directory",
    )
    bench.done(bench.waiting("backup.survey").get())
    target.refresh_from_db()
    assert target.state == "ready", target.problem
    return target


def images(target: BackupTarget) -> list[tuple[int, str]]:
    usable = BackupImage.objects.filter(target=target).exclude(state="abandoned")
    return list(usable.order_by("sequence").values_list("sequence", "state"))


def headers(target: BackupTarget) -> list[str]:
    return sorted(
        stat.name for stat in house.open_row(target).list("chains/") if stat.name.endswith("header.jws")
    )


def test_storage_that_breaks_in_mid_run_is_a_refusal_and_the_next_run_goes_on(
    stand: tuple[Bench, BackupTarget], place: places.Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, target = stand
    sending = Sending(place.kind, monkeypatch)
    for name, (breaks, code) in place.breaks.items():
        sending.before(1, breaks)
        while (told := bench.refused(start_backup(target, actor=ADMIN))) != code:
            assert told == "target.unreachable", (
                name
            )  # a connection that ends does not say why; the next does
        place.heal()
        target.refresh_from_db()
        assert (target.state, (target.problem or {})["code"]) == ("refused", code), name
        assert images(target) == [(1, "verified")], name
        assert len(headers(target)) == 1, name
    sending.before(0, _nothing)
    bench.back_up(target)
    assert images(target) == [(1, "verified"), (2, "verified")]
    assert sorted(sending.written) == sorted(set(sending.written)), "no pack was sent twice"
    assert len(sending.written) >= 2


def test_a_listing_of_nothing_or_half_and_a_header_of_2_gb_conclude_nothing(
    stand: tuple[Bench, BackupTarget], place: places.Place
) -> None:
    bench, target = stand
    bench.back_up(target)
    first = headers(target)[0]
    before = sorted(stat.name for stat in house.open_row(target).list())
    for hides in (lambda name: bool(name), lambda name: first in name):
        place.hides = hides
        assert bench.refused(connect_target(target, actor=ADMIN)) == "target.listing-incomplete"
        assert bench.refused(start_backup(target, actor=ADMIN)) == "target.listing-incomplete"
        place.heal()
        assert images(target) == [(1, "verified"), (2, "verified")]
        assert sorted(stat.name for stat in house.open_row(target).list()) == before
    place.plant_huge(Place(first.split("/")[1], 7, uuid.uuid4()).header)
    found = bench.done(connect_target(target, actor=ADMIN)).result
    target.refresh_from_db()
    assert found["images"] == 2
    assert [finding["code"] for finding in target.findings] == ["image.bad-signature"]
    assert bench.back_up(target).state == "verified", "one bad object keeps no backup from being made"


def test_a_backup_that_is_cancelled_or_loses_its_process_leaves_nothing_and_sends_nothing_twice(
    stand: tuple[Bench, BackupTarget], place: places.Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, target = stand
    sending = Sending(place.kind, monkeypatch)
    bench.watch_contexts(monkeypatch)
    job = start_backup(target, actor=ADMIN)

    def cancel() -> None:
        cancel_job(actor=ADMIN, job=Job.objects.get(pk=job.pk))
        connections["default"].close()
        bench.context_of(job).renew()

    sending.before(2, cancel)
    bench.work(job)
    assert job.state == "cancelled"
    assert images(target) == [(1, "verified")]
    assert len(headers(target)) == 1
    assert place.left_behind() == []

    def die() -> None:
        raise RuntimeError("the process is gone")

    bench.add_image("fifth", noise(13))
    sending.before(2, die)
    lost = start_backup(target, actor=ADMIN)
    bench.work(lost)
    assert lost.state == "queued", "it is taken up again"
    sending.before(0, _nothing)
    BackupTarget.objects.filter(pk=target.pk).update(bandwidth=50 << 20)
    taken: list[int] = []
    told: list[tuple[str, int, int | None]] = []
    progress = JobContext.progress

    def tell(self: JobContext, phase: str, done: int, total: int | None = None, unit: str = "bytes") -> None:
        told.append((phase, done, total))
        progress(self, phase, done, total, unit)

    monkeypatch.setattr(JobContext, "progress", tell)
    monkeypatch.setattr(limited.Bucket, "take", lambda _, count: taken.append(count))
    bench.lose(lost)
    bench.done(lost)
    assert sorted(sending.written) == sorted(set(sending.written)), "no pack was sent twice"
    assert images(target)[0] == (1, "verified")
    assert images(target)[1][1] == "committed"
    image = BackupImage.objects.get(target=target, state="committed")
    assert sum(taken) >= image.new_bytes > 0, "everything that was sent went through the limit"
    steps = [(done, total) for phase, done, total in told if phase == "sending packs"]
    assert steps == sorted(steps)
    assert steps[-1] == (image.stored_bytes, image.stored_bytes), "bytes of bytes, to the end"


def test_two_units_write_into_one_target_and_each_finds_its_own(
    bench: Bench, place: places.Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second unit of a customer backs up to where the first one does, which writes in the midst of it."""
    bench.put_unit("SR-A")
    bench.add_image("of the first", noise(21))
    first = bench.back_up(connected(bench, place))
    theirs = {stat.name: stat.size for stat in house.open_row(first.target).list()}
    bench.put_unit("SR-B")
    bench.add_image("of the second", noise(22))
    target = connected(bench, place)
    late = b"a pack that the first unit sends meanwhile"
    name = pack_name(hashlib.sha256(late).hexdigest())
    sending = Sending(place.kind, monkeypatch)
    opened = house.open_row(target)
    sending.before(1, lambda: sending.put_past(opened, name, late))
    own = bench.back_up(target)
    assert (own.sequence, own.state, own.own) == (1, "verified", True)
    seen = {stat.name: stat.size for stat in house.open_row(target).list()}
    assert theirs.items() <= seen.items()
    assert seen[name] == len(late)
    found = BackupImage.objects.get(pk=first.pk)
    assert (found.state, found.own, found.serial) == ("committed", False, "SR-A")
    assert bench.done(connect_target(target, actor=ADMIN)).result["images"] == 2
