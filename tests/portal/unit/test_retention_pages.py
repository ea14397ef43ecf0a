"""Retention as people set it: drawn before it is saved, single images held and given up."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from appliance.backup.models import BackupImage, RetentionPolicy
from jobs.models import Job
from tests.support.pages import browser_of

pytestmark = pytest.mark.django_db
DRAFT = {"daily": "7", "monthly": "2", "time_zone": "Europe/Vienna", "grace_days": "7", "quota_percent": "50"}


@pytest.fixture
def admin(furnished: dict[str, Any]) -> Any:
    return browser_of(furnished["people"]["admin"])


@pytest.fixture
def page(furnished: dict[str, Any]) -> str:
    return reverse("unit:retention", args=[furnished["target"].pk])


def test_a_draft_is_drawn_and_not_saved(page: str, admin: Any) -> None:
    answer = admin.post(page, {**DRAFT, "draw": ""})
    assert b"What this draft would keep" in answer.content
    assert answer.content.count(b'class="is-kept"') >= 7
    assert not RetentionPolicy.objects.exists()


def test_a_saved_policy_is_in_force_and_drawn(page: str, admin: Any) -> None:
    answer = admin.post(page, {**DRAFT, "save": ""}, follow=True)
    assert b"What it will keep" in answer.content
    assert RetentionPolicy.objects.get().daily == 7


@pytest.mark.parametrize("button", ["draw", "save"])
def test_a_policy_that_keeps_nothing_is_refused(button: str, page: str, admin: Any) -> None:
    answer = admin.post(page, {**DRAFT, "daily": "0", "monthly": "", button: ""})
    assert b"retention.keeps-nothing" in answer.content
    assert not RetentionPolicy.objects.exists()


def test_a_prune_asks_for_a_fresh_sign_in_and_a_dry_run_does_not(
    furnished: dict[str, Any], page: str, admin: Any
) -> None:
    admin.post(page, {**DRAFT, "save": ""})
    stale = browser_of(furnished["people"]["admin"], fresh=False)
    address = reverse("unit:prune", args=[furnished["target"].pk])
    assert stale.post(address, {"dry_run": "no"}).status_code == 401
    assert stale.post(address).status_code == 302
    assert list(Job.objects.filter(kind="backup.prune").values_list("params__dry_run", flat=True)) == [True]


def test_a_dry_run_names_what_would_be_lost(furnished: dict[str, Any], page: str, admin: Any) -> None:
    made = timezone.now().isoformat()
    lost = {
        "image": "i",
        "sequence": 3,
        "made_at": made,
        "stored_bytes": 5,
        "objects": [{"name": "old disk", "size": 9}],
    }
    Job.objects.create(
        kind="backup.prune", state="done", ended_at=timezone.now(),
        subject=f"backup-target:{furnished['target'].pk}",
        actor_kind="user", actor_id=str(furnished["people"]["admin"].pk), actor_name="admin",
        result={"dry_run": True, "expired": [], "deleted": [lost]},
    )  # fmt: skip
    answer = admin.get(page)
    assert b"old disk" in answer.content
    assert b"Nothing was changed." in answer.content


def test_an_image_is_protected_with_a_reason_and_released(furnished: dict[str, Any], admin: Any) -> None:
    image = furnished["image"]
    admin.post(reverse("unit:backup-protect", args=[image.pk]), {"why": "before the migration"})
    assert b"before the migration" in admin.get(reverse("unit:backup", args=[image.pk])).content
    assert b"Protected</span>" in admin.get(reverse("unit:backups")).content
    admin.post(reverse("unit:backup-unprotect", args=[image.pk]))
    image.refresh_from_db()
    assert image.protected_at is None


def test_the_last_good_image_is_not_given_up(furnished: dict[str, Any], admin: Any) -> None:
    image = furnished["image"]
    answer = admin.post(reverse("unit:backup-expire", args=[image.pk]), follow=True)
    assert b"retention.image-held" in answer.content
    image.refresh_from_db()
    assert image.state == "verified"


def test_a_marked_image_can_be_kept_after_all(furnished: dict[str, Any], admin: Any) -> None:
    image = furnished["image"]
    BackupImage.objects.update(state="expired", expired_from="verified", expired_at=timezone.now())
    page = reverse("unit:backup", args=[image.pk])
    assert b"Marked to go" in admin.get(page).content
    admin.post(reverse("unit:backup-keep", args=[image.pk]))
    image.refresh_from_db()
    assert image.state == "verified"


def test_the_calendar_is_drawn_from_the_targets_own_schedules_and_names_them(page: str, admin: Any) -> None:
    assert b"nightly</a>, every day at 02:30" in admin.post(page, {**DRAFT, "draw": ""}).content


def test_without_a_schedule_the_page_says_what_it_assumes(
    furnished: dict[str, Any], page: str, admin: Any
) -> None:
    furnished["schedule"].delete()
    answer = admin.post(page, {**DRAFT, "draw": ""})
    assert b"as if one image were made each day at 02:30" in answer.content
