"""Web, engine and key process of one unit under three user ids: each can do its work and no more."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from config.demo.journey import UNIT_A, Brought, Journey
from config.supervisor.identities import Split, separate
from config.supervisor.processes import Identity, as_user
from config.supervisor.setup import FirstStart
from config.supervisor.world import World
from tests.support.worlds import bring_in_all, living_world, small_disks

pytestmark = [pytest.mark.root, pytest.mark.timeout(300)]
SPLIT = Split(web=61_001, engine=61_002, keys=61_003, common=61_010, rows=61_011)
LISTEN = """
import json, os, socket, struct, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
    connection.connect(sys.argv[1])
    connection.settimeout(5)
    print(connection.recv(4096).decode(errors="replace"))
"""


def environment(python: str) -> dict[str, str]:
    return {
        "PYTHONPATH": sysconfig.get_paths()["purelib"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "LD_LIBRARY_PATH": str(Path(python).parents[1] / "lib"),
        "HOME": "/nonexistent",
    }


@pytest.fixture(scope="module")
def python() -> Iterator[str]:
    """This very interpreter, in a copy: its own may lie in a home that other users cannot pass."""
    base = Path(sys.base_prefix)
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    copy = Path(tempfile.mkdtemp(prefix="sr-python-"))
    copy.chmod(0o755)
    (copy / "bin").mkdir()
    shutil.copy2(Path(sys.executable).resolve(), copy / "bin" / name)
    unneeded = shutil.ignore_patterns(
        "site-packages", "test", "__pycache__", "config-*", "idlelib", "tkinter"
    )
    shutil.copytree(base / "lib" / name, copy / "lib" / name, ignore=unneeded)
    for library in (base / "lib").glob("libpython*.so*"):
        shutil.copy2(library, copy / "lib")
    yield str(copy / "bin" / name)
    shutil.rmtree(copy)


@pytest.fixture(scope="module")
def world(python: str) -> Iterator[World]:
    """A world whose first unit is split."""
    with living_world(set_up=False) as world:
        os.chmod(world.root, 0o711)
        spec = world.sites[UNIT_A]
        world.sites[UNIT_A] = separate(
            replace(spec, python=python, extra={**spec.extra, **environment(python)}), SPLIT
        )
        FirstStart(world).run()
        target = world.root / "target"
        target.mkdir(exist_ok=True)
        os.chown(target, SPLIT.engine, SPLIT.engine)
        yield world


@pytest.fixture(scope="module")
def brought(world: World, tmp_path_factory: pytest.TempPathFactory) -> list[Brought]:
    return bring_in_all(Journey(world), small_disks(tmp_path_factory.mktemp("disks"))[:1])


def may(
    world: World, user: int, *groups: int, code: str, arguments: list[str]
) -> subprocess.CompletedProcess[str]:
    """Run a little program as one of the three."""
    python = world.sites[UNIT_A].python
    return subprocess.run(
        [python, "-c", code, *arguments],
        env=environment(python),
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        **as_user(Identity(user, user, groups)),
    )


def owner_of(world: World, kind: str) -> int:
    """The user id that a process of the unit really runs under."""
    pid = world.supervisor.pid(world.sites[UNIT_A].process(kind))
    return os.stat(f"/proc/{pid}").st_uid


def test_three_processes_run_under_three_user_ids(world: World) -> None:
    owners = [owner_of(world, kind) for kind in ("web", "engine", "keys")]
    assert owners == [SPLIT.web, SPLIT.engine, SPLIT.keys]


@pytest.mark.parametrize(
    ("user", "place"),
    [
        (SPLIT.web, "keys"),
        (SPLIT.web, "store"),
        (SPLIT.web, "secrets/keys.root"),
        (SPLIT.web, "secrets/database.root"),
        (SPLIT.engine, "keys"),
        (SPLIT.engine, "secrets/keys.root"),
        (SPLIT.engine, "secrets/django.secret"),
        (SPLIT.keys, "store"),
        (SPLIT.keys, "db/current/strongroom.sqlite3"),
        (SPLIT.keys, "secrets/database.root"),
    ],
)
def test_what_is_not_ones_own_cannot_be_opened(
    world: World, brought: list[Brought], user: int, place: str
) -> None:
    path = world.sites[UNIT_A].root / place
    assert path.exists()
    code = (
        "import os, sys; p = sys.argv[1]; print(os.listdir(p) if os.path.isdir(p) else open(p, 'rb').read(1))"
    )
    tried = may(world, user, SPLIT.common, code=code, arguments=[str(path)])
    assert tried.returncode != 0
    assert "PermissionError" in tried.stderr


def test_the_key_process_answers_the_web_tier_with_a_refusal(world: World) -> None:
    socket_path = str(world.sites[UNIT_A].site.keys_socket)
    tried = may(world, SPLIT.web, SPLIT.common, SPLIT.rows, code=LISTEN, arguments=[socket_path])
    assert "keys.peer-refused" in tried.stdout


def test_the_journey_goes_on_all_the_same(world: World, brought: list[Brought]) -> None:
    journey = Journey(world)
    image = journey.back_up(UNIT_A, world.root / "target")
    assert image["state"] == "verified"
    assert journey.compare(UNIT_A, brought[0])
    assert journey.rotate(UNIT_A, "with three user ids")["epoch"] == 2


def test_what_lies_in_the_unit_is_nobody_elses(world: World, brought: list[Brought]) -> None:
    """No file of the unit has any right for the rest of the world."""
    root = world.sites[UNIT_A].root
    open_to_all = [path for path in root.rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o006]
    assert open_to_all == []


def test_root_owns_none_of_the_running_processes(world: World) -> None:
    assert 0 not in {owner_of(world, kind) for kind in ("web", "engine", "keys", "broker")}
