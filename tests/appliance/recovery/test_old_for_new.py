"""What released versions wrote comes back here: fixture repositories under tests/fixtures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from appliance.backup.models import BackupImage
from appliance.keys.engine.secrets import Opener
from appliance.notices.models import NoticeChannel
from audit.log import verify_chain
from audit.models import Chain
from config.settings.web import PASSWORD_HASHERS
from tests.fixtures.repository import (
    PROJECT,
    Repository,
    current_formats,
    current_migrations,
    newest,
    project_version,
    repositories,
)
from tests.support.bench import Bench
from tests.support.rows import image_rows
from tests.support.servers import fresh_database
from tests.support.world import check_world

pytestmark = pytest.mark.timeout(240)  # whole journeys; a busy machine takes its time
ALL = pytest.mark.parametrize("repository", repositories(), ids=lambda one: one.release)
REMEDY = "python -m tests.fixtures.make_repository; tests/fixtures/README.md says when"


@pytest.fixture
def keyed(bench: Bench) -> Callable[[Repository], Bench]:
    """Puts a blank unit of the fixture's manufacturer there, connects a copy of its target, and recovers."""

    def put(repository: Repository) -> Bench:
        bench.maker = repository.maker()
        repository.copy_target(bench.targets / "old")
        bench.put_blank_unit(f"FX-B-{repository.release}")
        bench.add_target("old")
        bench.install(repository.values(), [repository.newest_head()])
        return bench

    return put


@ALL
def test_every_image_that_a_released_version_made_comes_back_bit_for_bit(
    keyed: Callable[[Repository], Bench], repository: Repository, settings: Any
) -> None:
    """From the value in the header to the last row: what the owner of an old backup does."""
    settings.PASSWORD_HASHERS = PASSWORD_HASHERS  # the real ones, not the quick one of the tests
    bench, expected = keyed(repository), repository.expected
    for told in expected["images"]:
        image = BackupImage.objects.get(pk=told["image"])
        assert (image.serial, image.sequence) == (expected["serial"], told["sequence"])
        assert image.epoch == told["epoch"]
        bench.restore(image)
        assert bench.digests() == told["content"]
        assert {label: len(rows) for label, rows in image_rows().items()} == told["rows"]
        assert sorted(User.objects.values_list("username", flat=True)) == told["people"]
    _people_and_secrets_are_back(expected)
    check_world(open_value=bench.maker.open_value, scan=False)


def _people_and_secrets_are_back(expected: dict[str, Any]) -> None:
    bob = User.objects.get(username="bob")
    assert (bob.display_name, sorted(bob.roles)) == ("Bób \u202f Ω", ["auditor", "member"])
    assert bob.check_password(expected["password"])
    pager = NoticeChannel.objects.get(name="pager")
    opened = Opener().open("appliance_notices.NoticeChannel.sealed_secret", pager.pk, pager.sealed_secret)
    assert opened.decode() == expected["webhook_secret"]
    assert Chain.objects.filter(origin="imported").exists()
    assert verify_chain().ok


@pytest.mark.postgres
def test_an_image_made_on_sqlite_restores_on_postgresql_and_one_made_there_on_sqlite(
    bench: Bench, servers: dict[str, str]
) -> None:
    repository = newest()
    bench.maker = repository.maker()
    repository.copy_target(bench.targets / "old")
    told = elsewhere(repository, bench.targets / "old", servers["DATABASE_URL"])
    content = repository.expected["images"][-1]["content"]
    assert (told["vendor"], connection.vendor, told["restored"]) == ("postgresql", "sqlite", content)
    bench.put_blank_unit(f"FX-C-{repository.release}")
    bench.add_target("old")
    bench.install([*repository.values(), *told["values"]], [told["head"]])
    bench.restore(BackupImage.objects.get(pk=told["image"]))
    assert bench.digests() == content
    assert json.loads(json.dumps(image_rows())) == told["rows"]
    assert User.objects.get(username="new-here").display_name == "Ünïcode \u2029"


def elsewhere(repository: Repository, place: Path, server: str) -> dict[str, Any]:
    """What a process with a site of its own on PostgreSQL makes of the repository, and leaves in it."""
    with fresh_database(server) as url:
        done = subprocess.run(
            [sys.executable, "-m", "tests.fixtures.restore_elsewhere", repository.release, str(place)],
            cwd=PROJECT,
            env={**os.environ, "DATABASE_URL": url},
            capture_output=True,
            text=True,
            check=False,
            timeout=220,
        )
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


# ---- the guard ---------------------------------------------------------------------------------------------


def test_the_newest_fixture_was_written_in_the_formats_of_now() -> None:
    assert newest().expected["formats"] == current_formats(), REMEDY


def test_a_release_that_changes_the_database_has_a_fixture_of_its_own() -> None:
    """Raising the version in pyproject.toml makes a release. Between two of them migrations come freely."""
    latest = newest()
    covered = latest.release == project_version() or latest.expected["migrations"] == current_migrations()
    assert covered, REMEDY


@ALL
def test_no_migration_of_a_released_version_is_gone(repository: Repository) -> None:
    """Squashed or renamed, its images would be refused as those of a newer release."""
    known = {(app, name) for app, names in current_migrations().items() for name in names}
    released = {(app, name) for app, names in repository.expected["migrations"].items() for name in names}
    assert released - known == set()
