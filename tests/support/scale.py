"""Rows as years of work leave them, 100,000 of each kind; and how long a request takes over them."""

from __future__ import annotations

import datetime as dt
import gc
import statistics
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from django.db import connections
from django.db.models import Model
from django.utils import timezone

from appliance.backup.models import BackupImage, BackupTarget
from appliance.catalog.models import VirtualImage
from appliance.notices.models import Notice
from audit.models import Chain, Event
from jobs.models import Job

KEYS, TARGETS = 40, 4
BATCH = 2_000


def fill(model: type[Model], rows: Iterable[Any]) -> None:
    model._default_manager.bulk_create(rows, batch_size=BATCH)


def fill_images(image: BackupImage, count: int) -> list[BackupTarget]:
    """Images on several targets under many keys; the newest carry a real header, the others a part of one."""
    targets = [image.target]
    targets += [
        BackupTarget.objects.create(name=f"t{n}", kind="directory", settings={"path": "/"}, state="ready")
        for n in range(TARGETS - 1)
    ]
    begin, filler = image.made_at, image.header[:1000]
    assert begin is not None
    fill(
        BackupImage,
        (
            BackupImage(
                id=uuid.uuid4(),
                target=targets[n % TARGETS],
                state="verified" if n % 50 else "damaged",
                own=True,
                serial=image.serial,
                chain=image.chain,
                sequence=n + 2,
                header=image.header if n < 500 else filler,
                header_digest=f"{n:064d}",
                customer_id=image.customer_id,
                key_id=image.key_id if n < 5000 else f"{n % KEYS:032x}",
                epoch=image.epoch,
                proof="drilled",
                made_at=begin - dt.timedelta(minutes=n),
            )
            for n in range(count)
        ),
    )
    # The newest of every key is looked at whole: it has a whole header.
    for key in range(KEYS):
        newest = BackupImage.objects.filter(key_id=f"{key:032x}").order_by("-made_at")[:60]
        BackupImage.objects.filter(pk__in=[row.pk for row in newest]).update(header=image.header)
    return targets


def fill_jobs(count: int) -> None:
    now = timezone.now()
    kinds = ("backup.run", "backup.verify", "backup.survey", "content.seal")
    fill(
        Job,
        (
            Job(
                kind=kinds[n % len(kinds)],
                state="done" if n % 20 else "failed",
                subject=f"backup-target:{uuid.UUID(int=n % 7)}",
                actor_kind="user",
                actor_id=str(n % 9),
                actor_name=f"person {n % 9}",
                ended_at=now - dt.timedelta(minutes=n),
                created_at=now - dt.timedelta(minutes=n, seconds=9),
            )
            for n in range(count)
        ),
    )


def fill_events(count: int) -> None:
    """Events of an imported chain: as many as a restored log brings along."""
    now = timezone.now()
    chain = Chain.objects.create(name="before", started_at=now, origin="imported")
    fill(
        Event,
        (
            Event(
                chain=chain,
                sequence=n,
                at=now - dt.timedelta(minutes=count - n),
                action=("backup.started", "backup.committed", "keys.activated")[n % 3],
                outcome="done" if n % 30 else "refused",
                actor_kind="user",
                actor_id=str(n % 9),
                actor_name=f"person {n % 9}",
                subject=f"backup-target:{n % 7}",
                previous="0" * 64,
                digest="0" * 64,
            )
            for n in range(count)
        ),
    )


def fill_catalog(count: int) -> None:
    now = timezone.now()
    fill(
        VirtualImage,
        (
            VirtualImage(
                name=f"disk {n}",
                owner_name="ada",
                source="file",
                state="ready",
                recipe=f"{n:064d}",
                size=n,
                created_at=now - dt.timedelta(minutes=n),
            )
            for n in range(count)
        ),
    )


def fill_notices(count: int) -> None:
    now = timezone.now()
    fill(
        Notice,
        (
            Notice(
                event="failure",
                key=f"failure:{n}",
                subject=f"Backup {n} failed",
                raised_at=now - dt.timedelta(minutes=n),
                last_at=now - dt.timedelta(minutes=n),
                resolved_at=now,
            )
            for n in range(count)
        ),
    )


def p95(work: Callable[[], object], rounds: int = 20) -> tuple[float, float]:
    """Seconds of processor time and of the clock, each time with a connection of its own, as a request has.
    Processor time is the same whatever else the machine does, as far as it has a core for it."""
    gc.collect()
    gc.freeze()  # the heap of a test run is not a server's: looking through it takes longer than a page
    taken, passed = [], []
    for _ in range(rounds):
        connections["default"].close()
        begin, begun = time.process_time(), time.perf_counter()
        work()
        taken.append(time.process_time() - begin)
        passed.append(time.perf_counter() - begun)
    return statistics.quantiles(taken, n=20)[-1], statistics.quantiles(passed, n=20)[-1]
