"""Targets of every kind, the coverage map and the finder, as people meet them."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from appliance.backup.models import BackupTarget, ImageCopy
from appliance.unit.models import Unit
from audit.models import Event
from sealing.encoding import b64u
from sealing.hpke import KemPrivateKey
from tests.portal.unit.conftest import VALUE
from tests.support.pages import HOSTILE, browser_of, inline_code

pytestmark = pytest.mark.django_db
SECRET = "Zx9-never-shown-again"
S3 = {"kind": "s3", "name": "bucket", "bucket": "unit-backups", "access_key_id": "AKIA1", "bandwidth": "2.5"}
SFTP = {"kind": "sftp", "name": "far", "host": "backup.example.com", "user": "u", "path": "/srv/backup"}


@pytest.fixture
def admin(furnished: dict[str, Any]) -> Any:
    key = KemPrivateKey.generate()
    Unit.objects.update(spool_public_key=b64u(key.public.raw))
    return browser_of(furnished["people"]["admin"])


@pytest.mark.parametrize("kind", ["directory", "s3", "sftp", "no-such-kind"])
def test_each_kind_has_a_form(kind: str, admin: Any) -> None:
    answer = admin.get(reverse("unit:targets"), {"kind": kind})
    assert answer.status_code == 200
    assert inline_code(answer) == []


def test_a_store_is_added_and_its_secret_is_never_shown(admin: Any) -> None:
    answer = admin.post(reverse("unit:targets"), {**S3, "secret_access_key": SECRET}, follow=True)
    target = BackupTarget.objects.get(name="bucket")
    assert target.settings == {"bucket": "unit-backups"}
    assert target.bandwidth == 2_500_000
    assert SECRET not in answer.content.decode()
    assert SECRET not in target.credentials
    assert b"2.5 MB a second" in answer.content


@pytest.mark.parametrize(
    "given",
    [{**S3, "secret_access_key": SECRET, "bucket": "?"}, {**SFTP, "password": SECRET, "private_key": SECRET}],
)
def test_a_refused_form_does_not_echo_the_secret(given: dict[str, str], admin: Any) -> None:
    answer = admin.post(reverse("unit:targets"), given)
    assert answer.status_code == 200
    assert b"target.bad-settings" in answer.content
    assert SECRET not in answer.content.decode()
    assert SECRET not in str(list(Event.objects.values_list("facts_json", flat=True)))


def test_a_host_key_is_shown_before_it_is_pinned(admin: Any) -> None:
    found = "SHA256:" + "k" * 43
    admin.post(reverse("unit:targets"), {**SFTP, "password": SECRET})
    target = BackupTarget.objects.get(name="far")
    BackupTarget.objects.update(
        state="refused", problem={"code": "target.host-key-unknown", "title": "t", "facts": {"found": found}}
    )
    page = admin.get(reverse("unit:target", args=[target.pk]))
    assert found.encode() in page.content
    admin.post(reverse("unit:target-pin", args=[target.pk]), {"host_key": found})
    target.refresh_from_db()
    assert target.settings["host_key"] == found


def test_a_host_key_that_is_none_is_not_pinned(admin: Any) -> None:
    admin.post(reverse("unit:targets"), {**SFTP, "password": SECRET})
    target = BackupTarget.objects.get(name="far")
    admin.post(reverse("unit:target-pin", args=[target.pk]), {"host_key": "anything"})
    target.refresh_from_db()
    assert "host_key" not in target.settings


def test_secrets_of_a_target_are_not_replaced_by_an_old_sign_in(
    furnished: dict[str, Any], admin: Any
) -> None:
    admin.post(reverse("unit:targets"), {**SFTP, "password": SECRET})
    target = BackupTarget.objects.get(name="far")
    stale = browser_of(furnished["people"]["admin"], fresh=False)
    answer = stale.post(reverse("unit:target", args=[target.pk]), {**SFTP, "password": "another"})
    assert answer.status_code == 401
    before = target.credentials
    target.refresh_from_db()
    assert target.credentials == before


def test_a_target_that_is_no_copy_cannot_be_brought_up_to_date(furnished: dict[str, Any], admin: Any) -> None:
    answer = admin.post(reverse("unit:target-copy", args=[furnished["target"].pk]))
    assert answer.status_code == 404


def test_the_map_shows_where_an_image_lies_and_that_nothing_opens_it_elsewhere(
    furnished: dict[str, Any], admin: Any
) -> None:
    shelf = BackupTarget.objects.create(name="second shelf", kind="directory", settings={"path": "/b"})
    ImageCopy.objects.create(image=furnished["image"], target=shelf, found_at=furnished["image"].made_at)
    page = admin.get(reverse("unit:coverage")).content.decode()
    assert "second shelf" in page
    assert "Copy</span>" in page
    assert "Not covered</span>" in page
    assert reverse("unit:backup", args=[furnished["image"].pk]) in page


def test_the_map_of_a_unit_without_images_says_so(admin: Any, furnished: dict[str, Any]) -> None:
    furnished["image"].delete()
    assert b"There is no image yet." in admin.get(reverse("unit:coverage")).content


def test_a_pasted_digest_leads_to_the_key_of_its_value(furnished: dict[str, Any], admin: Any) -> None:
    furnished["key"].values.update(digest="Z" * 64)
    answer = admin.post(reverse("unit:finder"), {"text": "Z" * 64})
    assert reverse("unit:key", args=[furnished["key"].key_id]).encode() in answer.content
    assert b"It opens 1 image" in answer.content


def test_a_damaged_document_is_refused_by_its_code_and_not_repeated_in_the_log(admin: Any) -> None:
    answer = admin.post(reverse("unit:finder"), {"text": VALUE})
    assert b"finder." in answer.content
    assert VALUE not in str(list(Event.objects.values_list("facts_json", flat=True)))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_only_looked_up(text: str, admin: Any) -> None:
    answer = admin.post(reverse("unit:finder"), {"text": text})
    assert answer.status_code == 200
    assert inline_code(answer) == []


def test_what_a_person_may_not_list_they_do_not_find(furnished: dict[str, Any]) -> None:
    answer = browser_of(furnished["people"]["member"]).post(reverse("unit:finder"), {"text": "shelf"})
    assert b"Backup target" not in answer.content
