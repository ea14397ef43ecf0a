"""Credentials of targets: sealed at once, opened by the engine alone, seen by nobody."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import connections

from appliance.backup.actions import add_target, edit_target
from appliance.backup.credentials import FIELD, seal_credentials
from appliance.backup.engine import house
from appliance.backup.errors import BadTargetSettings, CredentialsMissing
from appliance.backup.models import BackupTarget
from appliance.backup.targets.limited import LimitedTarget
from appliance.keys.engine.secrets import Opener
from appliance.keys.errors import SecretDoesNotOpen
from config.site import site
from jobs.models import Job
from tests.support.bench import ADMIN, Bench
from tests.support.people import sign_in
from tests.support.stores import S3_CREDENTIALS, make_bucket, s3_server

OTHER = {"access_key_id": "AKIAOTHERPERSONSKEY0", "secret_access_key": "canary-of-another-person"}
CANARIES = [value.encode() for value in (*S3_CREDENTIALS.values(), *OTHER.values())]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with s3_server() as found:
        make_bucket(found, "vault")
        yield found


def settings(address: str, prefix: str) -> dict[str, str]:
    return {"bucket": "vault", "endpoint": address, "prefix": prefix}


def every_row() -> bytes:
    """Every value of every row in the database, as text."""
    found: list[Any] = []
    for model in apps.get_models():
        found += model._base_manager.values_list()
    return repr(found).encode()


@pytest.mark.parametrize(
    ("kind", "credentials", "refusal"),
    [
        ("s3", {}, CredentialsMissing),
        ("s3", {"password": "x"}, BadTargetSettings),
        ("s3", {"access_key_id": "x"}, BadTargetSettings),
        ("s3", {"access_key_id": "x", "secret_access_key": " "}, BadTargetSettings),
        ("s3", S3_CREDENTIALS | {"more": "x"}, BadTargetSettings),
        ("s3", {"access_key_id": "x", "secret_access_key": "x" * 20_000}, BadTargetSettings),
        ("sftp", {"password": "x", "private_key": "y"}, BadTargetSettings),
        ("sftp", {}, CredentialsMissing),
        ("directory", {"password": "x"}, BadTargetSettings),
    ],
)
@pytest.mark.django_db
def test_credentials_that_cannot_be_right_are_refused(
    kind: str, credentials: dict[str, str], refusal: type[Exception]
) -> None:
    places = {
        "s3": {"bucket": "vault"},
        "sftp": {"host": "h.example", "user": "u", "path": "/r"},
        "directory": {"path": "/mnt/x"},
    }
    with pytest.raises(refusal):
        add_target(actor=ADMIN, name="x", kind=kind, settings=places[kind], credentials=credentials)
    assert not BackupTarget.objects.exists()


def test_no_credential_is_seen_in_answers_jobs_events_logs_or_the_database(
    unit_on_bench: Bench, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = sign_in("admin")
    body = {
        "name": "bucket",
        "kind": "s3",
        "settings": settings(address, "seen"),
        "credentials": S3_CREDENTIALS,
        "private_addresses": True,
    }
    answers = [client.post("/api/v1/backup-targets", body, format="json", headers={"Idempotency-Key": "k"})]
    assert answers[0].status_code == 201
    unit_on_bench.done(unit_on_bench.waiting("backup.survey").get())
    row = BackupTarget.objects.get()
    first = row.credentials
    assert row.state == "ready"
    edit_target(row, actor=ADMIN, bandwidth=50_000_000)
    assert unit_on_bench.back_up(row).state == "verified"
    assert isinstance(house.open_row(row), LimitedTarget)
    one = f"/api/v1/backup-targets/{row.pk}"
    etag = client.get(one).headers["ETag"]
    answers.append(client.patch(one, {"credentials": OTHER}, format="json", headers={"If-Match": etag}))
    unit_on_bench.done(unit_on_bench.waiting("backup.survey").get())
    row.refresh_from_db()
    assert row.credentials != first
    bad = {"name": "x", "kind": "s3", "settings": {}, "credentials": OTHER}
    answers.append(client.post("/api/v1/backup-targets", bad, format="json"))
    answers += [
        client.get(f"/api/v1/{path}") for path in ("backup-targets", "jobs", "events", "backup-images")
    ]
    answers += [client.get(one), *(client.get(f"/api/v1/jobs/{job.pk}/lines") for job in Job.objects.all())]
    shown = b"".join(answer.content for answer in answers) + caplog.text.encode()
    connections.close_all()
    files = b"".join(path.read_bytes() for path in site().db.rglob("*") if path.is_file())
    seen = [c for c in CANARIES if c in shown or c in every_row() or c in files]
    assert seen == []
    assert answers[1].json()["credentials_fingerprint"] != answers[0].json()["credentials_fingerprint"]
    assert "credentials" not in answers[0].json()


def check_that_only_that_row_opens() -> None:
    row, other = BackupTarget(name="a"), BackupTarget(name="b")
    sealed = seal_credentials(row.pk, S3_CREDENTIALS)
    assert json.loads(Opener().open(FIELD, row.pk, sealed)) == S3_CREDENTIALS
    for field, pk, text in (
        (FIELD, other.pk, sealed),
        ("appliance_backup.BackupTarget.settings", row.pk, sealed),
        (FIELD, row.pk, sealed[:-8]),
        (FIELD, row.pk, "not even base64 !"),
    ):
        with pytest.raises(SecretDoesNotOpen):
            Opener().open(field, pk, text)


def test_a_target_that_is_led_elsewhere_asks_for_its_credentials_again(bench: Bench) -> None:
    bench.put_blank_unit("SR-A-0001")
    check_that_only_that_row_opens()
    place = {"host": "one.example", "user": "u", "path": "/r", "host_key": "SHA256:" + "A" * 43}
    row = add_target(actor=ADMIN, name="x", kind="sftp", settings=place, credentials={"password": "p"})
    for change in ({"host": "two.example"}, {"host_key": "SHA256:" + "B" * 43}, {"port": "23"}):
        with pytest.raises(CredentialsMissing):
            edit_target(row, actor=ADMIN, settings=place | change)
    row.refresh_from_db()
    before = row.credentials
    edit_target(row, actor=ADMIN, settings=place | {"path": "/s"}, name="y", bandwidth=1_000_000)
    row.refresh_from_db()
    assert (row.credentials, row.settings["path"], row.bandwidth) == (before, "/s", 1_000_000)


@pytest.mark.django_db
@pytest.mark.parametrize("bandwidth", [0, 100, 1 << 60])
def test_a_limit_under_which_no_backup_ends_is_refused(bandwidth: int) -> None:
    with pytest.raises(BadTargetSettings):
        add_target(actor=ADMIN, name="x", kind="directory", settings={"path": "/mnt/x"}, bandwidth=bandwidth)
