"""The same tests of database, event log, idempotent calls and live jobs hold on PostgreSQL and Redis."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
AREA = ("tests/ground/db", "tests/ground/rest/test_idempotency.py", "tests/audit", "tests/jobs/test_live.py")


@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.timeout(420)
def test_what_leans_on_database_and_broker_holds_on_postgresql_and_redis(servers: dict[str, str]) -> None:
    # A database name of its own, so that two runs on one server do not meet.
    database = servers["DATABASE_URL"].rpartition("/")[0] + f"/strongroom_{os.getpid()}"
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTEST", "STRONGROOM_SITE"))
        },
        "STRONGROOM_TEST_SERVERS": "1",
        "DATABASE_URL": database,
        "REDIS_URL": servers["REDIS_URL"],
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *AREA, "-q", "-p", "no:xdist"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout[-8000:]
    assert " passed" in done.stdout
