"""One run is one role, by STRONGROOM_ROLE (default: appliance), on a site of its own that is removed after.

The site's live database is the test database, so processes that a test starts with `site_environment`
see what the test committed (`django_db(transaction=True)`).
"""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# In memory where there is room: nobody needs a test's files after a power cut, and a disk that is asked to
# flush each of some hundred thousand writes makes everybody wait. The calls are the same.
_MEMORY, _ROOM = "/dev/shm", 4 << 30
if "TMPDIR" not in os.environ and os.path.isdir(_MEMORY) and shutil.disk_usage(_MEMORY).free > _ROOM:
    os.environ["TMPDIR"] = tempfile.tempdir = _MEMORY

ROLE = os.environ.setdefault("STRONGROOM_ROLE", "appliance")
_SITE = Path(tempfile.mkdtemp(prefix=f"strongroom-{ROLE}-"))
atexit.register(shutil.rmtree, _SITE, ignore_errors=True)
os.environ["STRONGROOM_SITE_DIR"] = str(_SITE)
os.environ["STRONGROOM_SITE_NAME"] = _SITE.name
os.environ["STRONGROOM_LOOPBACK"] = "1"
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
for name in ("STRONGROOM_PROCESS", "STRONGROOM_DATABASE_KEY_FD", "STRONGROOM_HOSTS"):
    os.environ.pop(name, None)
# Databases and brokers are the embedded ones unless a run says otherwise on purpose.
if os.environ.get("STRONGROOM_TEST_SERVERS") != "1":
    SERVERS = {name: os.environ.pop(name, "") for name in ("DATABASE_URL", "REDIS_URL")}
else:
    SERVERS = {name: os.environ.get(name, "") for name in ("DATABASE_URL", "REDIS_URL")}

from django.conf import settings  # noqa: E402

settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # speed; nothing of it is kept

_HERE = Path(__file__).parent
# Directories that only make sense under another role than the one this run has, or do not differ by role.
_ELSEWHERE = {
    "appliance": ["manufacturer", "portal/desk"],
    "manufacturer": [
        *[
            "appliance",
            "ground",
            "config",
            "jobs/test_live.py",
            "jobs/test_stream.py",
            "portal/unit",
            "cli",
            "sealing",
            "vectors",
            "architecture",
            "flows",
            "browser",
            "faults",
        ],
        "manufacturer/custody",
    ],
    "custody": [
        *[
            "ground",
            "audit",
            "accounts",
            "jobs",
            "config",
            "appliance",
            "portal",
            "cli",
            "sealing",
            "vectors",
        ],
        *["architecture", "flows", "browser", "faults"],
    ],
}
collect_ignore = [str(_HERE / name) for name in _ELSEWHERE[ROLE]]
if ROLE == "custody":
    collect_ignore += [
        str(path)
        for path in (_HERE / "manufacturer").glob("*")
        if path.name not in ("custody", "conftest.py")
    ]


def pytest_configure(config: pytest.Config) -> None:
    # The processes of a parallel run inherit this one's environment; with the settings' name in it they
    # would load settings before this file gives each of them a site of its own.
    if hasattr(config, "workerinput"):
        return
    if getattr(config.option, "numprocesses", None):
        os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    # One place for all processes of this run (tests/support/worlds.py).
    template = os.environ["STRONGROOM_TEST_TEMPLATE"] = tempfile.mkdtemp(prefix="sr-template-")
    atexit.register(shutil.rmtree, template, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip marked tests whose servers, rights or programs are missing; the reason names what is missing."""
    missing = {
        "postgres": _missing_postgres(),
        "redis": _missing_redis(),
        "root": "" if os.geteuid() == 0 else "needs to run as root",
        "browser": "" if _which("chromium", "chromium-browser") else "needs Debian's chromium",
    }
    for item in items:
        for mark, reason in missing.items():
            if reason and item.get_closest_marker(mark):
                item.add_marker(pytest.mark.skip(reason=reason))


def _which(*names: str) -> str:
    return next((found for name in names if (found := shutil.which(name))), "")


def _missing_postgres() -> str:
    from tests.support.servers import postgres_url

    return "" if postgres_url(SERVERS) else "needs a PostgreSQL server (DATABASE_URL or port 5432)"


def _missing_redis() -> str:
    from tests.support.servers import redis_url

    return "" if redis_url(SERVERS) else "needs a Redis server (REDIS_URL or port 6379)"


def pytest_sessionfinish() -> None:
    """Leave nothing of this run in a Redis that others use too."""
    if url := os.environ.get("REDIS_URL"):
        import redis

        with redis.Redis.from_url(url) as client:
            for key in client.scan_iter(f"strongroom-{_SITE.name}:*", count=1000):
                client.delete(key)


@pytest.fixture(scope="session")
def django_db_modify_db_settings_xdist_suffix(request: pytest.FixtureRequest) -> None:
    """Each process of a parallel run has a site of its own; only a server's database needs another name."""
    worker = getattr(request.config, "workerinput", {}).get("workerid", "")
    database = settings.DATABASES["default"]
    if worker and "postgres" in database["ENGINE"]:
        database["TEST"] = {**database.get("TEST", {}), "NAME": f"test_{database['NAME']}_{worker}"}


@pytest.fixture(scope="session")
def servers() -> dict[str, str]:
    """DATABASE_URL and REDIS_URL of real servers, for tests marked postgres or redis."""
    from tests.support.servers import postgres_url, redis_url

    return {"DATABASE_URL": postgres_url(SERVERS), "REDIS_URL": redis_url(SERVERS)}


@pytest.fixture
def site_environment() -> dict[str, str]:
    """Environment in which another process belongs to this run's site and database."""
    from tests.support.servers import test_database_url

    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return {**inherited, "PYTHONPATH": str(_HERE.parent), **test_database_url()}


def pytest_collection_finish() -> None:
    """What is loaded by now stays: collections of garbage, one for each switch of databases, skip it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _tables_are_emptied_quickly() -> Iterator[None]:
    """Between transactional tests every row goes in one transaction, at whose end foreign keys are looked at.

    Django's own flush truncates, which costs PostgreSQL a new file a table, and makes content types and
    permissions anew, which nothing here asks for. The triggers that keep events step aside.
    """
    if ROLE == "custody" and "audit" not in settings.INSTALLED_APPS:
        yield
        return
    from django.db import connections, transaction
    from django.test import TransactionTestCase

    from audit import triggers

    def teardown(_: Any) -> None:
        connection = connections["default"]
        triggers.remove(connection)
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                for table in connection.introspection.django_table_names(only_existing=True):
                    cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")
        finally:
            triggers.install(connection)

    patch = pytest.MonkeyPatch()
    patch.setattr(TransactionTestCase, "_fixture_teardown", teardown)
    yield
    patch.undo()


@pytest.fixture
def signed_in(db: None) -> Any:
    """``signed_in("admin")``: a REST client with a token of a fresh person with these roles."""
    from tests.support.people import sign_in

    return sign_in
