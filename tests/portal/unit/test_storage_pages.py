"""The page of the content store: what it shows, and who starts what."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from appliance.backup.models import TargetUse
from appliance.content.models import StoreLook
from jobs.models import Job
from tests.support.pages import browser_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(furnished: dict[str, Any]) -> Any:
    return browser_of(furnished["people"]["admin"])


def test_a_dry_run_looks_at_the_store_and_at_every_target_and_asks_for_no_sign_in(
    furnished: dict[str, Any], admin: Any
) -> None:
    assert b"Nobody has looked yet" in admin.get(reverse("unit:storage")).content
    admin.post(reverse("unit:storage-look"), {"repack": "never"})
    assert Job.objects.get(kind="content.collect").params["dry_run"] is True
    assert Job.objects.get(kind="backup.use").params == {"target": str(furnished["target"].pk)}


def test_a_collection_asks_for_a_fresh_sign_in(furnished: dict[str, Any], admin: Any) -> None:
    stale = browser_of(furnished["people"]["admin"], fresh=False)
    assert stale.post(reverse("unit:storage-collect")).status_code == 401
    assert not Job.objects.filter(kind="content.collect").exists()
    admin.post(reverse("unit:storage-collect"), {"repack": "always"})
    assert Job.objects.get(kind="content.collect").params["repack"] == "always"


def test_the_page_shows_figures_the_last_run_and_what_targets_are_sent(
    furnished: dict[str, Any], admin: Any
) -> None:
    now = timezone.now()
    result = {
        "dry_run": True,
        "removed": {"packs": 2, "bytes": 5_000_000, "kept_because": ["an image is damaged"]},
        "waiting": {"packs": 1, "bytes": 2_000_000},
        "repacked": {
            "packs": 3, "bytes": 9_000_000, "written_bytes": 4_000_000, "left_out_because": None,
            "sent_again": [{"target": "shelf", "bytes": 4_000_000, "lets_go": False}],
        },
        "unread_packs": 1,
    }  # fmt: skip
    job = Job.objects.create(
        kind="content.collect", state="done", actor_kind="user", actor_name="admin",
        actor_id=str(furnished["people"]["admin"].pk), ended_at=now, result=result,
    )  # fmt: skip
    StoreLook.objects.create(
        job_id=job.pk, dry_run=True, looked_at=now, packs=7, stored_bytes=90_000_000, live_bytes=50_000_000,
        dead_bytes=33_000_000, leaving_packs=3, leaving_bytes=7_000_000, repackable_packs=3,
        repackable_bytes=9_000_000,
    )  # fmt: skip
    StoreLook.objects.create(
        job_id=uuid.uuid4(), dry_run=False, looked_at=now - timedelta(days=1), packs=9,
        stored_bytes=120_000_000, live_bytes=50_000_000, dead_bytes=33_000_000, leaving_packs=3,
        leaving_bytes=7_000_000, repackable_packs=3, repackable_bytes=9_000_000, removed_bytes=31_000_000,
    )  # fmt: skip
    TargetUse.objects.create(
        target=furnished["target"], looked_at=now, images=3, stored_bytes=150_000_000,
        needed_bytes=60_000_000, dead_bytes=11_000_000, older_bytes=80_000_000, loose_bytes=10_000_000,
    )  # fmt: skip
    page = admin.get(reverse("unit:storage")).content.decode()
    for shown in ("90.0 MB", "33.0 MB", "5.0 MB in 2 packs", "kept: an image is damaged",
                  "4.0 MB more to shelf", "which keeps the old packs",
                  "1 pack, whose key", "9.0 MB in 3 packs by the last look",
                  "80.0 MB", "Never", "31.0 MB"):  # fmt: skip
        assert shown in page, shown
