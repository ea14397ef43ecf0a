"""REST of the content store: who may, what is refused, figures as last looked at, jobs that are started."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from appliance.backup.models import BackupTarget, RetentionPolicy, TargetUse
from appliance.content.models import StoreLook
from appliance.unit.models import Unit
from jobs.models import Job
from tests.support.people import sign_in

pytestmark = pytest.mark.django_db
API = "/api/v1"
NOTHING = {"packs": 3, "stored_bytes": 900, "live_bytes": 300, "dead_bytes": 500, "leaving_packs": 1,
           "leaving_bytes": 200, "repackable_packs": 1, "repackable_bytes": 600}  # fmt: skip


@pytest.fixture
def target() -> BackupTarget:
    return BackupTarget.objects.create(name="disk", kind="directory", settings={"path": "/mnt/none"})


@pytest.fixture
def unit() -> Unit:
    return Unit.objects.create(serial="SR-1", model="SR-1", state="in_service", device_record="a.b.c")


def test_only_an_admin_collects_and_only_admins_and_auditors_see_the_figures(target: BackupTarget) -> None:
    for path in ("content-store/collect", f"backup-targets/{target.pk}/use"):
        for client, status in ((APIClient(), 401), (sign_in("auditor"), 403), (sign_in("member"), 403)):
            assert client.post(f"{API}/{path}", {}, format="json").status_code == status
    for client, status in ((APIClient(), 401), (sign_in("member"), 403), (sign_in("auditor"), 200)):
        assert client.get(f"{API}/content-store").status_code == status
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"grace_days": 0}, "grace_days"), ({"repack": "often"}, "repack"),
        ({"rewrite_mib": 0}, "rewrite_mib"), ({"dry_run": "perhaps"}, "dry_run"),
    ],
)  # fmt: skip
def test_choices_that_make_no_sense_are_named(body: dict[str, Any], field: str) -> None:
    answer = sign_in("admin").post(f"{API}/content-store/collect", body, format="json")
    assert answer.status_code == 422
    assert field in answer.json()["facts"]["fields"]
    assert not Job.objects.exists()


def test_a_unit_that_nobody_confirmed_since_its_restore_collects_nothing(unit: Unit) -> None:
    Unit.objects.update(outbound_paused=True)
    admin = sign_in("admin")
    answer = admin.post(f"{API}/content-store/collect", {}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "content.collection-paused")
    assert admin.post(f"{API}/content-store/collect", {"dry_run": True}, format="json").status_code == 202


def test_a_collection_is_started_once_for_one_key_with_what_was_chosen(unit: Unit) -> None:
    admin, body = sign_in("admin"), {"grace_days": 30, "repack": "always", "rewrite_mib": 64}
    answers = [
        admin.post(f"{API}/content-store/collect", body, format="json", HTTP_IDEMPOTENCY_KEY="one")
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    (job,) = Job.objects.filter(kind="content.collect")
    assert job.params == {"dry_run": False, **body}


def test_a_target_is_looked_at_by_a_job(target: BackupTarget) -> None:
    assert sign_in("admin").post(f"{API}/backup-targets/{uuid.uuid4()}/use").status_code == 404
    assert sign_in("admin").post(f"{API}/backup-targets/{target.pk}/use").status_code == 202
    assert Job.objects.get(kind="backup.use").params == {"target": str(target.pk)}


def test_figures_are_those_of_the_last_looks(target: BackupTarget) -> None:
    client = sign_in("auditor")
    empty = client.get(f"{API}/content-store").json()
    assert (empty["look"], empty["last_collection"], empty["holds"]) == (None, None, [])
    assert empty["targets"] == [{"id": str(target.pk), "name": "disk", "lets_go": False, "use": None}]
    now = timezone.now()
    StoreLook.objects.create(
        job_id=uuid.uuid4(), dry_run=False, looked_at=now - timedelta(hours=1), **NOTHING
    )
    StoreLook.objects.create(job_id=uuid.uuid4(), dry_run=True, looked_at=now, **NOTHING | {"packs": 4})
    TargetUse.objects.create(target=target, looked_at=now, images=2, stored_bytes=50, older_bytes=20)
    RetentionPolicy.objects.create(target=target, keep_last=1, changed_by="x", changed_at=now)
    found = client.get(f"{API}/content-store").json()
    assert (found["look"]["packs"], found["last_collection"]["packs"]) == (4, 3)
    assert found["targets"][0]["lets_go"] is True
    assert found["targets"][0]["use"]["older_bytes"] == 20
