"""What released versions wrote comes back here: fixture repositories under tests/fixtures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from appliance.backup.models import BackupImage
from appliance.keys.engine.secrets import Opener
from appliance.notices.models import NoticeChannel
from audit.log import verify_chain
from audit.models import Chain
from config.settings.web import PASSWORD_HASHERS
from tests.fixtures.repository import (
    Repository,
    current_formats,
    current_migrations,
    newest,
    project_version,
    repositories,
)
from tests.support.bench import Bench
from tests.support.rows import image_rows
from tests.support.world import check_world

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
