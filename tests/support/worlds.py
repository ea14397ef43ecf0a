"""Live worlds for flow tests: real processes, sockets and files, in a short-named temporary directory."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import redis
from psycopg import sql

from cli.exits import CommandError
from config.demo.journey import Brought, Journey
from config.disks import Disk, make_disks
from config.supervisor.setup import FirstStart
from config.supervisor.world import DESK, UNIT_A, UNIT_B, World

SMALL = 6  # MiB of content in each of three disk images
FAST = {
    # Leases of a test run out while one looks, so that work of the killed is taken up at once.
    "STRONGROOM_JOB_LEASE_SECONDS": "3",
    "STRONGROOM_JOB_HEARTBEAT_SECONDS": "0.5",
    "STRONGROOM_JOB_SWEEP_SECONDS": "0.5",
    "STRONGROOM_JOB_RESEND_SECONDS": "1",
}


TEMPLATE = "STRONGROOM_TEST_TEMPLATE"  # directory that the processes of one test run share
_ANEW = ("databases", "units", "desk's address", "first key", "target")  # what a copied world does by itself


@contextmanager
def living_world(
    *,
    units: Sequence[str] = (UNIT_A, UNIT_B),
    set_up: bool = True,
    extra: Mapping[str, str] | None = None,
    **options: Any,
) -> Iterator[World]:
    """A world that is set up and running; everything of it is gone afterwards.

    What a first start does before any key is made (databases, ceremony, people, factory) is done once in a
    test run and copied; from there each world goes on by itself, as a first start that was broken off does.
    """
    # A Unix socket's path has at most 107 bytes: pytest's own directories are too deep.
    root = Path(tempfile.mkdtemp(prefix="sr-"))
    try:
        if set_up and TEMPLATE in os.environ and "database_urls" not in options:
            _copy_template(root)
        with World(root, units=units, extra={**FAST, **(extra or {})}, **options) as world:
            if set_up:
                FirstStart(world).run()
            yield world
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _copy_template(root: Path) -> None:
    """Make `root` a world whose first start was broken off before the units' first key."""
    template = Path(os.environ[TEMPLATE])
    with open(template / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # whoever comes first makes it, the others wait
        if not (template / "world").is_dir():
            making = Path(tempfile.mkdtemp(prefix="sr-"))
            with World(making, extra=FAST) as world:
                FirstStart(world).run(until="first key")
            state = json.loads((making / "world.json").read_text())
            state["done"] = [step for step in state["done"] if step not in _ANEW]
            state["ports"] = {}  # worlds side by side need ports of their own
            (making / "world.json").write_text(json.dumps(state))
            shutil.move(making, template / "world")
    shutil.copytree(template / "world", root, symlinks=True, dirs_exist_ok=True)


@contextmanager
def world_on_servers(
    servers: Mapping[str, str], *, units: Sequence[str] = (UNIT_A, UNIT_B)
) -> Iterator[World]:
    """A world whose units and desk keep their rows in PostgreSQL and send their jobs through Redis."""
    base, _, _ = servers["DATABASE_URL"].rpartition("/")
    run = f"sr_{secrets.token_hex(4)}"
    urls = {name: f"{base}/{run}_{name.replace('-', '_')}" for name in (*units, DESK)}
    with psycopg.connect(f"{base}/postgres", autocommit=True) as connection:
        names = [sql.Identifier(url.rpartition("/")[2]) for url in urls.values()]
        for name in names:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        try:
            with living_world(
                units=units, database_urls=urls, redis_url=servers["REDIS_URL"], prefix=f"{run}-"
            ) as world:
                yield world
        finally:
            forget_keys(servers["REDIS_URL"], f"strongroom-{run}-*")
            for name in names:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def forget_keys(url: str, pattern: str) -> None:
    """Leave nothing of a world in a Redis that others use too."""
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter(pattern):
            client.delete(key)


def small_disks(folder: Path) -> list[Disk]:
    """Three real ext4 images, two of them near-copies, about 32 MiB in all."""
    return make_disks(folder, megabytes=SMALL)


def bring_in_all(journey: Journey, disks: Sequence[Disk], site: str = UNIT_A) -> list[Brought]:
    return [journey.bring_in(site, disk.path, disk.name) for disk in disks]


def refusal_of(call: Callable[[], Any]) -> str:
    """The permanent code that a call is refused with. Fails if it is not refused."""
    try:
        call()
    except CommandError as error:
        return error.code
    raise AssertionError("it was not refused")
