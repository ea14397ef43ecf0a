"""One virtual image out of an old backup, by its page."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from appliance.recovery.models import ImageListing, ListedObject
from jobs.models import Job
from tests.support.pages import browser_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(furnished: dict[str, Any]) -> Any:
    return browser_of(furnished["people"]["admin"])


@pytest.fixture
def page(furnished: dict[str, Any]) -> str:
    return reverse("unit:objects", args=[furnished["image"].pk])


@pytest.fixture
def listed(furnished: dict[str, Any]) -> Any:
    ImageListing.objects.create(image=furnished["image"], listed_at=timezone.now(), object_count=2)
    return [
        ListedObject.objects.create(
            image=furnished["image"], object_id=name, kind="virtual-image", name=name, size=9, recipe="0" * 64
        )
        for name in ("base", "lost disk")
    ]


def test_before_its_list_is_read_the_page_offers_to_read_it(page: str, admin: Any) -> None:
    assert b"Its list was not read yet" in admin.get(page).content
    admin.post(f"{page}read/")
    assert Job.objects.filter(kind="recovery.objects").count() == 1


def test_the_page_of_an_image_leads_there(furnished: dict[str, Any], page: str, admin: Any) -> None:
    assert page.encode() in admin.get(reverse("unit:backup", args=[furnished["image"].pk])).content


def test_the_page_says_what_is_gone_and_what_changed(page: str, listed: Any, admin: Any) -> None:
    text = admin.get(page).content.decode()
    assert text.count("Gone</span>") == 1
    assert text.count("Changed since</span>") == 1


def test_a_gone_one_is_brought_back(page: str, listed: Any, admin: Any) -> None:
    admin.post(f"{page}restore/", {"object": "lost disk"})
    assert Job.objects.get(kind="recovery.object").params["object"] == "lost disk"


def test_a_taken_name_is_refused_unless_the_person_decides(page: str, listed: Any, admin: Any) -> None:
    admin.post(f"{page}restore/", {"object": "base"})
    assert not Job.objects.filter(kind="recovery.object").exists()
    admin.post(f"{page}restore/", {"object": "base", "clash": "keep-both"})
    assert Job.objects.get(kind="recovery.object").params["clash"] == "keep-both"


def test_replacing_asks_for_a_fresh_sign_in(furnished: dict[str, Any], page: str, listed: Any) -> None:
    stale = browser_of(furnished["people"]["admin"], fresh=False)
    sent = {"object": "base", "clash": "replace", "replaces": str(furnished["disk"].pk)}
    assert stale.post(f"{page}restore/", sent).status_code == 401


@pytest.mark.parametrize("replaces", ["", "no id", "00000000-0000-0000-0000-000000000000"])
def test_nothing_is_replaced_that_was_not_named(replaces: str, page: str, listed: Any, admin: Any) -> None:
    admin.post(f"{page}restore/", {"object": "base", "clash": "replace", "replaces": replaces})
    assert not Job.objects.filter(kind="recovery.object").exists()
