"""REST of targets, images, readiness, transfers and restore: who may, what it says, what it refuses."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from rest_framework.test import APIClient

from appliance.backup.models import BackupImage, BackupTarget
from jobs.models import Job
from tests.support.bench import Bench
from tests.support.people import sign_in

IMAGE = str(uuid.UUID(int=1))
READ = [
    "/api/v1/backup-targets",
    "/api/v1/backup-images",
    "/api/v1/readiness",
    "/api/v1/recovery",
    "/api/v1/transfers/values",
]


@pytest.fixture
def made(unit_on_bench: Bench) -> Bench:
    unit_on_bench.back_up(unit_on_bench.add_target())
    return unit_on_bench


@pytest.mark.parametrize("url", READ)
def test_a_stranger_reads_nothing(bench: Bench, url: str) -> None:
    assert APIClient().get(url).status_code == 401


@pytest.mark.parametrize("url", READ)
def test_a_member_reads_nothing_of_backups(unit_on_bench: Bench, url: str) -> None:
    assert sign_in("member").get(url).status_code == 403


@pytest.mark.parametrize(
    ("role", "url", "body"),
    [
        ("auditor", "backup-targets", {"name": "x", "settings": {"path": "/mnt"}}),
        ("auditor", "backup-images", {"target": IMAGE}),
        ("recovery-operator", "backup-images", {"target": IMAGE}),
        ("auditor", f"backup-images/{IMAGE}/restore", {}),
        ("auditor", f"backup-images/{IMAGE}/verify", {}),
        ("auditor", "transfers/request", {}),
        ("auditor", "transfers/collect", {"code": "x"}),
        ("member", "transfers/install", {"transfer": "x"}),
    ],
)
def test_a_role_that_may_not_is_refused(
    unit_on_bench: Bench, role: str, url: str, body: dict[str, Any]
) -> None:
    answer = sign_in(role).post(f"/api/v1/{url}", body)
    assert (answer.status_code, answer.json()["code"]) == (403, "ground.forbidden")
    assert not Job.objects.exists() or not Job.objects.filter(actor_kind="user").exists()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "x", "settings": {"path": "relative"}}, "target.bad-settings"),
        ({"name": "x", "settings": {"path": "/"}}, "target.bad-settings"),
        ({"name": "x", "settings": {}}, "target.bad-settings"),
        ({"name": "x", "kind": "tape", "settings": {"path": "/mnt"}}, "ground.invalid"),
        ({"settings": {"path": "/mnt"}}, "ground.invalid"),
    ],
)
def test_a_target_that_cannot_be_right_is_refused(
    unit_on_bench: Bench, body: dict[str, Any], code: str
) -> None:
    answer = sign_in("admin").post("/api/v1/backup-targets", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert not BackupTarget.objects.exists()


def test_a_target_within_the_units_own_site_is_refused(unit_on_bench: Bench) -> None:
    from config.site import site

    body = {"name": "x", "settings": {"path": str(site().root / "store")}}
    answer = sign_in("admin").post("/api/v1/backup-targets", body, format="json")
    assert answer.json()["code"] == "target.bad-settings"


def test_a_name_that_is_taken_is_refused(made: Bench) -> None:
    body = {"name": "disk", "settings": {"path": "/mnt/other"}}
    answer = sign_in("admin").post("/api/v1/backup-targets", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "target.name-taken")


@pytest.mark.parametrize("what", ["backup-images", "backup-targets"])
def test_what_is_not_there_is_missing(made: Bench, what: str) -> None:
    answer = sign_in("admin").get(f"/api/v1/{what}/{IMAGE}")
    assert (answer.status_code, answer.json()["code"]) == (404, "ground.missing")


def test_no_transfer_to_show_or_collect_is_said(made: Bench) -> None:
    admin = sign_in("admin")
    assert admin.get("/api/v1/transfers/current").status_code == 404
    answer = admin.post("/api/v1/transfers/collect", {"code": "x"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "recovery.no-request")
    answer = admin.post("/api/v1/transfers/request", {}, format="json")
    assert answer.json()["code"] == "recovery.not-blank"


def test_a_target_in_use_is_not_removed(made: Bench) -> None:
    target = BackupTarget.objects.get()
    admin = sign_in("admin")
    admin.post("/api/v1/backup-images", {"target": str(target.pk)}, format="json")
    answer = admin.delete(f"/api/v1/backup-targets/{target.pk}")
    assert (answer.status_code, answer.json()["code"]) == (409, "target.in-use")


def test_an_edit_names_the_version_that_was_read(made: Bench) -> None:
    admin, url = sign_in("admin"), f"/api/v1/backup-targets/{BackupTarget.objects.get().pk}"
    assert admin.patch(url, {"name": "new"}, format="json").status_code == 412
    etag = admin.get(url)["ETag"]
    assert admin.patch(url, {"name": "new"}, format="json", HTTP_IF_MATCH='"other"').status_code == 412
    assert admin.patch(url, {"name": "new"}, format="json", HTTP_IF_MATCH=etag).json()["name"] == "new"


def test_a_backup_starts_as_a_job_and_once_for_one_key(made: Bench) -> None:
    admin, body = sign_in("admin"), {"target": str(BackupTarget.objects.get().pk)}
    first = admin.post("/api/v1/backup-images", body, format="json", HTTP_IDEMPOTENCY_KEY="once")
    again = admin.post("/api/v1/backup-images", body, format="json", HTTP_IDEMPOTENCY_KEY="once")
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    assert first["Location"].endswith(first.json()["id"])


def test_an_image_shows_what_its_header_says_and_no_path_or_key(made: Bench) -> None:
    auditor = sign_in("auditor")
    image = BackupImage.objects.get()
    shown = auditor.get(f"/api/v1/backup-images/{image.pk}").json()
    assert (shown["state"], shown["epoch"], shown["object_count"]) == ("verified", 1, 2)
    header = auditor.get(f"/api/v1/backup-images/{image.pk}/header").json()
    assert header["header"] == image.header
    assert header["values"] == made.values_in(image)
    assert "wrapped" not in shown


def test_verify_preview_and_restore_answer_with_jobs_or_refusals(made: Bench) -> None:
    admin, url = sign_in("admin"), f"/api/v1/backup-images/{BackupImage.objects.get().pk}"
    assert admin.post(f"{url}/verify", {"depth": "digests"}, format="json").status_code == 202
    assert admin.post(f"{url}/verify", {"depth": "deep"}, format="json").status_code == 422
    assert admin.post(f"{url}/preview", {}, format="json").status_code == 202
    clear = admin.get(f"{url}/preview").json()
    assert (clear["objects"], clear["key_here"], clear["values"]) == (2, True, 1)
    refused = admin.post(f"{url}/restore", {}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "recovery.not-allowed")


def test_readiness_names_every_link(made: Bench) -> None:
    found = sign_in("auditor").get("/api/v1/readiness").json()
    assert found["answer"] in ("yes", "unsure", "no")
    assert found["links"][0]["name"] == "image"
    assert all(link["action"] for link in found["links"] if link["state"] != "green")


@pytest.mark.parametrize(
    ("state", "status"), [("blank", 200), ("keyed", 200), ("restoring", 403), ("in_service", 403)]
)
def test_the_recovery_operator_corrects_a_target_only_until_the_unit_restores(
    state: str, status: int, db: None
) -> None:
    from tests.support.small_unit import make_target, make_unit

    make_unit(state)
    target = make_target()
    client, url = sign_in("recovery-operator"), f"/api/v1/backup-targets/{target.pk}"
    tag = client.get(url)["ETag"]
    answer = client.patch(url, {"name": "corrected"}, format="json", headers={"If-Match": tag})
    assert answer.status_code == status
    assert client.delete(url).status_code == 403
