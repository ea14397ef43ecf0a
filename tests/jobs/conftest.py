"""A real broker and real workers for the tests of live jobs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.conf import settings

from tests.support.broker import Broker, running_broker
from tests.support.workers import Worker, running_worker


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """The site's embedded broker; where the run uses a Redis server, that one beside it, unused."""
    site = Path(settings.STRONGROOM_SITE_DIR)
    with running_broker(site / "run" / "broker.sock", tmp_path / "broker") as server:
        yield server


@pytest.fixture
def start_worker(
    broker: Broker, site_environment: dict[str, str], tmp_path: Path
) -> Iterator[Callable[[], Worker]]:
    with ExitStack() as stack:
        count = iter(range(100))

        def start() -> Worker:
            log = tmp_path / f"worker-{next(count)}.log"
            return stack.enter_context(running_worker(site_environment, log))

        yield start


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """The file in which test handlers note each run."""
    path = tmp_path / "notes"
    path.touch()
    os.chmod(path, 0o600)
    return path
