"""REST of retention: refusals with their codes, a policy stored and previewed, images held and marked."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from appliance.backup.models import BackupImage, BackupTarget, RetentionPolicy
from jobs.models import Job
from tests.support.people import sign_in

pytestmark = pytest.mark.django_db
API = "/api/v1"
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def target() -> BackupTarget:
    return BackupTarget.objects.create(name="disk", kind="directory", settings={"path": "/mnt/none"})


@pytest.fixture
def images(target: BackupTarget) -> list[BackupImage]:
    return [
        BackupImage.objects.create(
            target=target,
            state="verified",
            own=True,
            serial="SR-1",
            chain="ab" * 32,
            sequence=n,
            customer_id=uuid.UUID(int=1),
            made_at=NOW + n * timedelta(days=1),
        )
        for n in range(1, 5)
    ]


@pytest.fixture
def admin(images: list[BackupImage]) -> APIClient:
    return sign_in("admin")


def of_target(target: BackupTarget, what: str) -> str:
    return f"{API}/backup-targets/{target.pk}/{what}"


WRITES = [
    ("put", "backup-targets/{target}/retention"),
    ("delete", "backup-targets/{target}/retention"),
    ("post", "backup-targets/{target}/prune"),
    ("post", "backup-targets/{target}/verify-due"),
    ("post", "backup-images/{image}/protection"),
    ("delete", "backup-images/{image}/protection"),
    ("post", "backup-images/{image}/expire"),
    ("post", "backup-images/{image}/keep"),
]


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_nobody_but_an_admin_changes_what_is_kept(
    target: BackupTarget, images: list[BackupImage], method: str, path: str
) -> None:
    url = f"{API}/" + path.format(target=target.pk, image=images[0].pk)
    for client, status in ((APIClient(), 401), (sign_in("auditor"), 403), (sign_in("member"), 403)):
        assert getattr(client, method)(url, {"why": "x", "daily": 1}).status_code == status
    assert not RetentionPolicy.objects.exists()
    assert not Job.objects.exists()


def test_a_policy_that_keeps_nothing_is_refused_by_its_code_before_it_is_stored(
    admin: APIClient, target: BackupTarget
) -> None:
    answer = admin.put(of_target(target, "retention"), {"daily": 0}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "retention.keeps-nothing")
    draft = {"target": str(target.pk), "policy": {"time_zone": "UTC"}}
    answer = admin.post(f"{API}/retention/preview", draft, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "retention.keeps-nothing")
    draft["policy"] = {"daily": 1, "time_zone": "Nowhere/Land"}
    answer = admin.post(f"{API}/retention/preview", draft, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "retention.bad-rule")
    assert admin.get(of_target(target, "retention")).status_code == 404


def test_a_policy_is_stored_whole_read_back_and_ended(admin: APIClient, target: BackupTarget) -> None:
    url = of_target(target, "retention")
    admin.put(url, {"daily": 7, "weekly": 4}, format="json")
    given = {"daily": 3, "time_zone": "Europe/Berlin", "grace_days": 14, "quota_percent": 20}
    assert admin.put(url, given, format="json").status_code == 200
    found = admin.get(url).json()
    assert {name: found[name] for name in given} == given
    assert (found["weekly"], found["keep_last"]) == (0, 0)
    assert admin.delete(url).status_code == 204
    assert admin.get(url).status_code == 404


def test_a_preview_shows_reasons_days_and_when_each_image_leaves_and_changes_nothing(
    admin: APIClient, target: BackupTarget, images: list[BackupImage]
) -> None:
    draft: dict[str, Any] = {
        "target": str(target.pk),
        "policy": {"daily": 2},
        "schedule": {"at": "02:30"},
        "months": 1,
    }
    found = admin.post(f"{API}/retention/preview", draft, format="json").json()
    assert [(kept["image"], kept["reasons"]) for kept in found["kept"]] == [
        (str(images[3].pk), ["newest", "newest-verified", "daily"]),
        (str(images[2].pk), ["daily"]),
    ]
    assert {gone["image"] for gone in found["expired"]} == {str(images[0].pk), str(images[1].pk)}
    assert {entry["image"] for entry in found["leaving"]} == {str(image.pk) for image in images}
    assert found["days"][-1]["kept"] == 2
    assert set(BackupImage.objects.values_list("state", flat=True)) == {"verified"}


def test_an_image_is_protected_marked_and_brought_back(admin: APIClient, images: list[BackupImage]) -> None:
    url = f"{API}/backup-images/{images[0].pk}"
    assert admin.post(f"{url}/protection", {"why": "audit"}, format="json").json()["protected_why"] == "audit"
    answer = admin.post(f"{url}/expire", {"why": "x"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "retention.image-held")
    assert admin.delete(f"{url}/protection").json()["protected_at"] is None
    assert admin.post(f"{url}/expire", {"why": "x"}, format="json").json()["state"] == "expired"
    assert admin.post(f"{url}/keep").json()["state"] == "verified"
    assert admin.post(f"{url}/keep").json()["code"] == "image.not-committed"
    BackupImage.objects.filter(pk=images[0].pk).update(state="expired", deletion="a.b.c")
    assert admin.post(f"{url}/keep").json()["code"] == "retention.deletion-begun"


def test_prune_and_verification_start_jobs_once_for_a_key(
    admin: APIClient, target: BackupTarget, images: list[BackupImage]
) -> None:
    answer = admin.post(of_target(target, "prune"), {"dry_run": True}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "prune.no-policy")
    admin.put(of_target(target, "retention"), {"daily": 1}, format="json")
    copy = BackupTarget.objects.create(name="copy", kind="directory", settings={}, copy_of=target)
    answer = admin.post(of_target(copy, "prune"), {}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "target.is-a-copy")
    for _ in range(2):
        answer = admin.post(
            of_target(target, "prune"), {"dry_run": True}, format="json", HTTP_IDEMPOTENCY_KEY="one"
        )
        assert answer.status_code == 202
    assert Job.objects.get(kind="backup.prune").params == {"target": str(target.pk), "dry_run": True}
    BackupImage.objects.filter(pk=images[1].pk).update(state="damaged", checked_at=NOW)
    due = admin.post(of_target(target, "verify-due"), {"most": 2}, format="json").json()
    assert [job["kind"] for job in due] == ["backup.verify"] * 2
    again = admin.post(of_target(target, "verify-due"), {"most": 9}, format="json").json()
    assert len(again) == 2  # the two that wait are not started twice
