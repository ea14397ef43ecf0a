"""A unit on a bench in a process of its own: for scripts, and for units on another database engine.

The process must not have loaded Django's settings yet. Its site is a temporary directory; the database is the
site's own file, or the empty PostgreSQL database of `database_url`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.appliance.keys.maker import Maker
    from tests.support.bench import Bench


@contextlib.contextmanager
def lone_bench(maker: Maker, targets: Path, *, database_url: str = "") -> Iterator[Bench]:
    """An empty bench with a migrated database; no broker, jobs are run by hand."""
    site = Path(tempfile.mkdtemp(prefix="sr-lone-"))  # short: a Unix socket's path has at most 107 bytes
    for name in [name for name in os.environ if name.startswith("STRONGROOM_")]:
        del os.environ[name]
    os.environ |= {
        "STRONGROOM_ROLE": "appliance",
        "STRONGROOM_SITE_DIR": str(site),
        "STRONGROOM_SITE_NAME": site.name,
        "STRONGROOM_LOOPBACK": "1",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": database_url,
        "REDIS_URL": "",
    }
    import django

    django.setup()

    import appliance.backup.tasks
    import appliance.recovery.tasks  # noqa: F401  # registers the handlers, as a worker does
    import jobs.broker
    from ground.db import generations
    from tests.support.bench import Bench

    jobs.broker.send = _no_broker
    generations.migrate("default")
    bench = Bench(maker, targets)
    try:
        yield bench
    finally:
        bench.running.kill()
        shutil.rmtree(site, ignore_errors=True)


def _no_broker(job_id: uuid.UUID) -> bool:
    return False


def begin(bench: Bench, serial: str) -> None:
    """Start the one unit of this process: blank, from the factory."""
    bench.running.start()
    bench.running.initialise(bench.maker, serial)
    bench.sync()
