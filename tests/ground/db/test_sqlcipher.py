"""The SQLCipher backend: encrypted, durable, and strict about its key."""

from __future__ import annotations

import datetime as dt
import decimal
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone

from audit.models import Chain
from config.site import DATABASE_KEY_FD, SiteError, site
from ground.db import key
from ground.db.sqlcipher.base import DatabaseWrapper
from ground.models import IdempotentAnswer

pytestmark = pytest.mark.skipif(
    "sqlcipher" not in settings.DATABASES["default"]["ENGINE"], reason="needs the run to be on SQLCipher"
)


@pytest.fixture
def other() -> Iterator[DatabaseWrapper]:
    """A second connection to the same file."""
    wrapper = DatabaseWrapper(connection.settings_dict, alias="other")
    yield wrapper
    wrapper.close()


@pytest.mark.django_db
def test_a_wrong_key_does_not_open_the_file(other: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key, "database_key", lambda: bytes(32))
    with pytest.raises(DatabaseError):
        other.ensure_connection()


@pytest.mark.django_db
def test_a_key_of_another_length_is_refused(other: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key, "database_key", lambda: b"short")
    with pytest.raises(ImproperlyConfigured, match="32 bytes"):
        other.ensure_connection()


@pytest.mark.django_db
def test_a_backend_without_a_key_provider_is_refused() -> None:
    options = {
        name: value for name, value in connection.settings_dict["OPTIONS"].items() if name != "key_provider"
    }
    wrapper = DatabaseWrapper({**connection.settings_dict, "OPTIONS": options}, alias="other")
    with pytest.raises(ImproperlyConfigured, match="key_provider"):
        wrapper.ensure_connection()


@pytest.mark.django_db(transaction=True)
def test_neither_the_file_nor_its_log_shows_what_is_in_it() -> None:
    marker = "plainly-visible-marker"
    Chain.objects.create(name=marker * 3, started_at=timezone.now())
    directory = Path(os.path.realpath(site().current_database)).parent
    found = {path.name: path.read_bytes() for path in directory.iterdir()}
    assert any(name.endswith("-wal") for name in found)
    for name, content in found.items():
        assert b"SQLite format 3" not in content, name
        assert marker.encode() not in content, name


def test_the_key_stands_in_no_setting_and_no_environment_variable() -> None:
    secret = site().database_key()
    for text in (repr(settings.DATABASES), repr(dict(os.environ))):
        assert secret.hex() not in text
        assert key.database_key().hex() not in text


def test_the_key_comes_from_the_inherited_descriptor_where_one_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    descriptor = os.memfd_create("key")
    os.write(descriptor, bytes(range(32)))
    monkeypatch.setenv(DATABASE_KEY_FD, str(descriptor))
    assert site().database_key() == bytes(range(32))
    assert site().database_key() == bytes(range(32))  # the position is not consumed
    os.truncate(descriptor, 31)
    with pytest.raises(SiteError, match="31 bytes"):
        site().database_key()
    os.close(descriptor)
    with pytest.raises(SiteError):
        site().database_key()


@pytest.mark.django_db
def test_it_writes_ahead_flushes_fully_and_checks_foreign_keys() -> None:
    with connection.cursor() as cursor:
        found = {}
        for pragma in ("journal_mode", "synchronous", "foreign_keys"):
            cursor.execute(f"PRAGMA {pragma}")
            found[pragma] = cursor.fetchone()[0]
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


@pytest.mark.django_db(transaction=True)
def test_a_transaction_takes_the_writers_lock_at_its_start(other: DatabaseWrapper) -> None:
    other.ensure_connection()
    with other.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 50")
    with transaction.atomic(), pytest.raises(DatabaseError, match="locked"), other.cursor() as cursor:
        cursor.execute("BEGIN IMMEDIATE")


@pytest.mark.django_db
def test_values_of_every_kind_come_back_as_they_went_in() -> None:
    moment = dt.datetime(2026, 2, 28, 23, 59, 59, 123456, tzinfo=dt.UTC)
    row = IdempotentAnswer.objects.create(
        created_at=moment, caller="c", call="POST /", key="k", fingerprint="f", body={"a": [1, None, "ü"]}
    )
    row.refresh_from_db()
    assert (row.created_at, row.body, row.status) == (moment, {"a": [1, None, "ü"]}, None)
    assert isinstance(row.id, uuid.UUID)
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s, %s", [decimal.Decimal("1.50"), dt.date(2026, 1, 2)])
        assert cursor.fetchone() == ("1.50", "2026-01-02")
        cursor.execute("SELECT %(a)s", {"a": 7})
        assert cursor.fetchone() == (7,)
        cursor.executemany(
            "UPDATE ground_idempotentanswer SET call = %s WHERE key = %s", [("one", "k"), ("two", "k")]
        )
    IdempotentAnswer.objects.update(status=1)
    IdempotentAnswer.objects.update(status=F("status") + 1)
    row.refresh_from_db()
    assert (row.call, row.status) == ("two", 2)


@pytest.mark.django_db
def test_constraints_are_reported_as_integrity_errors() -> None:
    values = {"caller": "c", "call": "POST /", "key": "k", "fingerprint": "f"}
    IdempotentAnswer.objects.create(**values)
    with pytest.raises(IntegrityError), transaction.atomic():
        IdempotentAnswer.objects.create(**values)
