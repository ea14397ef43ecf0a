"""A unit on the bench: real SQLCipher database, real store, real key process, a real directory as target, and
a manufacturer made of `sealing` documents alone. Jobs run in this process through the real runner.

One unit stands on the bench at a time. `put_blank_unit` carries the one on it away for good (its keys, store
and database go) and puts a blank one there, as the customer does. Units of a kind are made once in a test run
and copied from then on (`tests.support.shelf`); a second one of the same serial in one test is made anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.db.models import QuerySet
from django.utils import timezone

from accounts.actions import create_user
from accounts.models import User
from appliance.backup.actions import add_target, start_backup, start_verify
from appliance.backup.models import BackupImage, BackupTarget
from appliance.backup.targets import Target, open_target
from appliance.catalog.models import VirtualImage
from appliance.content.engine import opening
from appliance.content.engine.store import Store
from appliance.keys.client import KeyProcess, Status
from appliance.keys.engine.sync import sync
from appliance.recovery.actions import load_transfer_file, request_transfer, start_restore
from appliance.recovery.models import Restore, TransferCase
from appliance.unit.actions.move_unit import move_unit
from appliance.unit.models import Unit
from appliance.unit.selectors import unit
from audit.actor import Actor
from config.site import site
from ground.files import use
from jobs import runner
from jobs.context import JobContext
from jobs.models import Job
from jobs.runner import run_job
from sealing.claims import HeadRef
from sealing.content.keys import HeldKeys
from sealing.documents import head as heads
from tests.appliance.keys.maker import Maker
from tests.appliance.keys.running import RunningKeys
from tests.support.faultfs import FaultFs
from tests.support.shelf import Shelf

ADMIN = Actor.command("bench")
PASSWORD = "correct horse battery staple"
SERIAL = "SR-A-0001"
LOST_AND_KEYED = "lost-and-keyed"
KIB, MIB = 1024, 1024 * 1024


class Bench:
    """What stands on the bench, and the hands of an admin."""

    def __init__(self, maker: Maker, targets: Path | None = None) -> None:
        self.maker = maker
        self.targets = targets or site().root.with_name(f"{site().root.name}-targets")
        self.running = RunningKeys(site().root)
        self.shelf = Shelf()
        self._taken: set[str] = set()  # serials
        self._contexts: dict[uuid.UUID, JobContext] = {}
        self.content: dict[str, str] = {}  # name → SHA-256 of every virtual image ever brought in

    # ---- units ----

    @property
    def keys(self) -> KeyProcess:
        return self.running.keys

    def put_blank_unit(self, serial: str) -> Status:
        """A blank unit from the factory; whatever stood here before is gone."""

        def make() -> None:
            self.clear()
            self.running.start()
            self.running.initialise(self.maker, serial)
            self.sync()

        return self._put("blank", serial, make)

    def put_unit(self, serial: str = SERIAL) -> Status:
        """A unit in service, with a key that was lodged and drilled."""

        def make() -> None:
            self.put_blank_unit(serial)
            self.keys.enrol(self.maker.enrol(self.keys.status()))
            self.sync()
            move_unit(actor=ADMIN, to=Unit.State.IN_SERVICE, why="first installation")
            self.rotate()

        return self._put("unit", serial, make)

    def put_furnished_unit(self) -> None:
        """As `put_unit`, with a person and two small virtual images of theirs."""

        def make() -> None:
            self.put_unit()
            ada = self.add_person()
            self.add_image("first", noise(1), ada)
            self.add_image("second", noise(1, 200 * KIB) + noise(2), ada)

        self.stage("furnished", make)

    def stage(self, name: str, make: Callable[[], object]) -> None:
        """What `make` brings about on an empty bench, targets and all: done once in a run, then copied."""
        assert not self._taken, "a stage is the first thing on a bench"
        told = self.shelf.place / name / "told.json"
        if self.shelf.has(name):
            self.running.kill()
            self.shelf.put(name, self.targets)
            self.running.start()
            self.content, taken = json.loads(told.read_text())
            self._taken.update(taken)
        else:
            make()
            self.shelf.keep(name, self.targets)
            told.write_text(json.dumps([self.content, sorted(self._taken)]))

    def _put(self, kind: str, serial: str, make: Callable[[], None]) -> Status:
        # Two units of one test are never copies of one another, whatever their serial.
        name = f"{kind}-{serial}"
        if self.shelf.has(name) and serial not in self._taken:
            self.running.kill()
            self.shelf.put(name)
            self.running.start()
        else:
            make()
            self.shelf.keep(name)
        self._taken.add(serial)
        return self.keys.status()

    def rotate(self) -> str:
        """One whole rotation with the manufacturer at hand; the new key's id."""
        key_id = self.running.make_active(self.maker)
        sync(actor=ADMIN, keys=self.keys)
        if unit().state == Unit.State.MUST_ROTATE:
            move_unit(actor=ADMIN, to=Unit.State.IN_SERVICE, why="rotated")
        return key_id

    def clear(self) -> None:
        """End what stands here for good. What lies on targets stays."""
        self.running.kill()
        self.shelf.put_empty()

    def clear_away(self) -> None:
        """The targets too."""
        self.clear()
        shutil.rmtree(self.targets, ignore_errors=True)

    def restart_keys(self) -> None:
        self.running.restart()

    def sync(self) -> None:
        """Rows follow the keyring, as they do in a worker."""
        sync(actor=ADMIN, keys=self.keys)

    # ---- content ----

    def add_person(self, name: str = "ada") -> User:
        user, _ = create_user(actor=ADMIN, username=name, password=PASSWORD, roles=("admin",))
        return user

    def add_image(self, name: str, data: bytes, owner: User | None = None) -> VirtualImage:
        """Content through the real store, and its row as the catalogue makes it."""
        with opening.open_store() as store, store.batch() as batch:
            put = batch.put_stream(_Reader(data), sha256=True)
        self.content[name] = hashlib.sha256(data).hexdigest()
        return VirtualImage.objects.create(
            name=name,
            owner=owner,
            owner_name=owner.username if owner else "",
            source=VirtualImage.Source.FILE,
            state=VirtualImage.State.READY,
            recipe=put.recipe,
            size=put.size,
            data_size=put.data_size,
            sha256=put.sha256 or "",
        )

    def store(self) -> Store:
        """The unit's store, to look into."""
        return opening.open_store(writing=False)

    def held_keys(self) -> HeldKeys:
        return opening.content_keys(opening.engine_keys())

    def digest_of(self, row: VirtualImage) -> str:
        """SHA-256 of the image's content as the store gives it out, every chunk authenticated."""
        found = hashlib.sha256()
        with opening.open_store(writing=False) as store:
            for piece in store.iter_read(row.recipe):
                found.update(piece)
        return found.hexdigest()

    def digests(self) -> dict[str, str]:
        """Name → SHA-256 of everything in the catalogue, read back."""
        return {row.name: self.digest_of(row) for row in VirtualImage.objects.order_by("name")}

    # ---- jobs ----

    def work(self, job: Job) -> Job:
        """Run one job in this process, through the real runner; the row as it then stands."""
        connections["default"].close()
        run_job(job.pk)
        job.refresh_from_db()
        return job

    def done(self, job: Job) -> Job:
        """Run a job that must succeed."""
        self.work(job)
        assert job.state == Job.State.DONE, (job.state, job.refusal)
        return job

    def refused(self, job: Job) -> str:
        """Run a job that must be refused; its code."""
        self.work(job)
        assert job.state == Job.State.FAILED, (job.state, job.result)
        return str(job.refusal["code"])

    def done_all(self, kind: str) -> None:
        """Run every waiting job of a kind; each must succeed."""
        for job in self.waiting(kind):
            self.done(job)

    def lose(self, job: Job) -> None:
        """What the sweeper does with a job whose process died: its lease is over, so it is queued again."""
        Job.objects.filter(pk=job.pk, state__in=Job.HELD).update(
            state=Job.State.QUEUED, lease_token=None, lease_until=None, exclusive="", due_at=timezone.now()
        )
        Job.objects.filter(pk=job.pk, state=Job.State.QUEUED).update(due_at=timezone.now())

    def killed(self, job: Job, at: int) -> bool:
        """Run the job in a child that dies by SIGKILL just before its write number `at`; False if it ended
        before it got there (the job is then done)."""
        connections.close_all()
        child = os.fork()
        if child == 0:
            try:
                with use(FaultFs("kill", at)):
                    run_job(job.pk)
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        job.refresh_from_db()
        return os.waitstatus_to_exitcode(status) != 0

    def watch_contexts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Remember the context of each job that runs, so that a test can act in its midst."""
        real = runner.claim

        def claim(job_id: uuid.UUID) -> Any:
            claimed = real(job_id)
            if claimed is not None:
                self._contexts[job_id] = claimed[0]
            return claimed

        monkeypatch.setattr(runner, "claim", claim)

    def context_of(self, job: Job) -> JobContext:
        return self._contexts[job.pk]

    def waiting(self, kind: str) -> QuerySet[Job]:
        return Job.objects.filter(kind=kind, state=Job.State.QUEUED).order_by("created_at")

    # ---- backups ----

    def add_target(self, name: str = "disk") -> BackupTarget:
        """A directory target, connected."""
        place = self.targets / name
        place.mkdir(parents=True, exist_ok=True)
        row = add_target(actor=ADMIN, name=name, kind="directory", settings={"path": str(place)})
        self.done(self.waiting("backup.survey").get())
        row.refresh_from_db()
        return row

    def back_up(self, target: BackupTarget, *, verify: bool = True) -> BackupImage:
        """A backup that must succeed, verified in full unless told otherwise."""
        job = self.done(start_backup(target, actor=ADMIN))
        image = BackupImage.objects.get(pk=job.result["image"])
        for follow in self.waiting("backup.verify") if verify else ():
            self.done(follow)
        image.refresh_from_db()
        return image

    def verify(self, image: BackupImage, depth: str = "full") -> Job:
        return self.work(start_verify(image, actor=ADMIN, depth=depth))  # type: ignore[arg-type]  # by tests

    # ---- recovery ----

    def request(self) -> TransferCase:
        self.done(request_transfer(actor=ADMIN))
        return TransferCase.objects.get(state=TransferCase.State.REQUESTED)

    def transfer(self, case: TransferCase, values: list[str], head_texts: list[str] | None = None) -> str:
        """What desk and custody would send: approved, opened, sealed to this unit."""
        record = self.keys.status().device_record
        references: list[HeadRef] = [
            heads.read(text, self.maker.trust).reference() for text in head_texts or []
        ]
        return self.maker.transfer(values, case.request, record, heads=references)

    def install(self, values: list[str], head_texts: list[str] | None = None) -> None:
        """A blank unit asks, gets, installs, and looks at its targets again."""
        case = self.request()
        text = self.transfer(case, values, head_texts)
        self.done(load_transfer_file(case, actor=ADMIN, document=text))
        for job in self.waiting("backup.survey"):
            self.done(job)

    def restore(self, image: BackupImage, **options: Any) -> Restore:
        job = self.done(start_restore(image, actor=ADMIN, **options))
        return Restore.objects.get(pk=job.params["restore"])

    def open(self, target: BackupTarget) -> Target:
        return open_target(target.kind, target.settings)

    def path_of(self, target: BackupTarget) -> Path:
        return Path(target.settings["path"])

    def values_in(self, image: BackupImage) -> list[str]:
        """The escrow values that stand in an image's header."""
        from sealing.jose import peek

        return list(peek(image.header).claims["values"])


def back_up_twice(bench: Bench) -> None:
    """A stage: a furnished unit with two verified images on a target."""
    bench.put_furnished_unit()
    target = bench.add_target()
    bench.back_up(target)
    bench.back_up(target)


def lose_and_key(bench: Bench) -> None:
    """A stage: a unit was backed up and is gone; a replacement holds its key and knows its target."""
    bench.put_furnished_unit()
    image = bench.back_up(bench.add_target())
    values, head = bench.values_in(image), image.head
    bench.put_blank_unit("SR-B-0001")
    bench.add_target()
    bench.install(values, [head])


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int, /) -> bytes:
        piece, self._data = self._data[:size], self._data[size:]
        return piece


def noise(seed: int, size: int = 300 * KIB) -> bytes:
    """Incompressible content, the same for the same seed."""
    return random.Random(seed).randbytes(size)


def objects_on(place: Path) -> dict[str, bytes]:
    """Every whole object on a directory target, by name."""
    return {
        str(path.relative_to(place)): path.read_bytes()
        for path in sorted(place.rglob("*"))
        if path.is_file() and not path.name.startswith(".tmp-")
    }


def damage(path: Path, how: str) -> None:
    """Do to a file what storage does: `missing`, `truncated`, `flipped`, `swapped` for other bytes."""
    data = path.read_bytes()
    os.chmod(path, 0o600)
    match how:
        case "missing":
            path.unlink()
        case "truncated":
            path.write_bytes(data[: len(data) // 2])
        case "flipped":
            middle = len(data) // 2
            path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
        case "swapped":
            path.write_bytes(random.Random(str(uuid.uuid4())).randbytes(len(data)))
        case _:
            raise AssertionError(how)
