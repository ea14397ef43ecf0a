"""Images as single files, as people see them: listed, handed out whole or in part, taken in, removed."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from appliance.backup.carried import layout
from appliance.unit.models import Unit
from audit.models import Event
from jobs.models import Job
from tests.portal.unit.conftest import _jws
from tests.support.pages import browser_of
from tests.support.people import client_of

pytestmark = pytest.mark.django_db
NAME = "SR-1001-000001-cafe.strongroom-image"
LIST = reverse("unit:carried")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STRONGROOM_CARRIED_DIR", str(tmp_path))
    return tmp_path


def _file(folder: Path, name: str = NAME, image: uuid.UUID | None = None) -> bytes:
    """A file whose form is whole; what its header says is not looked at before it is taken in."""
    claims = {"image": str(image or uuid.uuid4()), "serial": "SR-1001", "epoch": 1, "made_at": 1_800_000_000}
    header = _jws("strongroom-image+jws;v=1", {**claims, "chain": {"sequence": 1}}).encode()
    head = layout.head_of("header", hashlib.sha256(header).hexdigest(), len(header))
    data = layout.MAGIC + head + header + b"\n" + layout.end_of([head])
    (folder / name).write_bytes(data)
    return data


def _body(answer: Any) -> bytes:
    async def read() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])

    return asyncio.run(read())


def test_an_empty_directory_says_what_to_do(folder: Path, furnished: dict[str, Any]) -> None:
    answer = browser_of(furnished["people"]["admin"]).get(LIST)
    assert b"Write one from a backup image" in answer.content
    assert str(folder).encode() in answer.content


def test_a_cut_off_file_is_listed_with_its_refusal_and_cannot_be_chosen(
    folder: Path, furnished: dict[str, Any]
) -> None:
    (folder / NAME).write_bytes(_file(folder)[:-4])
    answer = browser_of(furnished["people"]["admin"]).get(LIST)
    assert b"The file is cut off" in answer.content
    assert b"Check it and take it in" not in answer.content


def test_a_file_says_whose_it_is_and_whether_its_image_is_here(
    folder: Path, furnished: dict[str, Any]
) -> None:
    _file(folder, image=furnished["image"].pk)
    _file(folder, "other.strongroom-image")
    answer = browser_of(furnished["people"]["auditor"]).get(LIST)
    assert reverse("unit:backup", args=[furnished["image"].pk]).encode() in answer.content
    assert b"Not here yet" in answer.content
    assert b"Take a file in" not in answer.content


def test_an_image_is_written_into_a_file_from_its_page(folder: Path, furnished: dict[str, Any]) -> None:
    image, browser = furnished["image"], browser_of(furnished["people"]["admin"])
    page = reverse("unit:backup", args=[image.pk])
    assert b"Write into a file" in browser.get(page).content
    assert browser.post(reverse("unit:backup-export", args=[image.pk]))["Location"] == page
    assert Job.objects.get(kind="backup.export").params["image"] == str(image.pk)
    _file(folder, image=image.pk)
    assert reverse("unit:carried-file", args=[NAME]).encode() in browser.get(page).content


def test_a_bad_name_for_the_file_is_refused(folder: Path, furnished: dict[str, Any]) -> None:
    address = reverse("unit:backup-export", args=[furnished["image"].pk])
    answer = browser_of(furnished["people"]["admin"]).post(address, {"name": "../x"}, follow=True)
    assert b"carried.bad-name" in answer.content
    assert not Job.objects.filter(kind="backup.export").exists()


@pytest.mark.parametrize("role", ["auditor", "recovery-operator", "member"])
def test_only_an_admin_takes_a_file_out(role: str, folder: Path, furnished: dict[str, Any]) -> None:
    _file(folder)
    person = furnished["people"][role]
    assert browser_of(person).get(reverse("unit:carried-file", args=[NAME])).status_code == 404
    assert client_of(person).get(f"/api/v1/carried-images/{NAME}").status_code == 403
    assert client_of(person).delete(f"/api/v1/carried-images/{NAME}").status_code == 403
    assert (folder / NAME).exists()


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("", 200, slice(0, None)),
        ("bytes=0-", 206, slice(0, None)),
        ("bytes=100-", 206, slice(100, None)),
        ("bytes=7-9", 206, slice(7, 10)),
        ("bytes=7-999999", 206, slice(7, None)),
        ("bytes=-5", 200, slice(0, None)),
        ("lines=1-2", 200, slice(0, None)),
    ],
)
def test_a_download_goes_on_where_it_stopped(
    asked: str, status: int, part: slice, folder: Path, furnished: dict[str, Any]
) -> None:
    whole = _file(folder)
    answer = browser_of(furnished["people"]["admin"]).get(
        reverse("unit:carried-file", args=[NAME]), headers={"Range": asked}
    )
    assert answer.status_code == status
    assert _body(answer) == whole[part]
    assert answer["Content-Length"] == str(len(whole[part]))


@pytest.mark.parametrize("asked", ["bytes=999999-", "bytes=9-3"])
def test_a_range_past_the_end_is_none(asked: str, folder: Path, furnished: dict[str, Any]) -> None:
    size = len(_file(folder))
    answer = browser_of(furnished["people"]["admin"]).get(
        reverse("unit:carried-file", args=[NAME]), headers={"Range": asked}
    )
    assert (answer.status_code, answer["Content-Range"]) == (416, f"bytes */{size}")


def test_each_download_is_an_event_and_its_going_on_is_none(folder: Path, furnished: dict[str, Any]) -> None:
    _file(folder)
    client = client_of(furnished["people"]["admin"])
    for asked in ("", "bytes=100-"):
        client.get(f"/api/v1/carried-images/{NAME}", headers={"Range": asked})
    assert Event.objects.filter(action="backup.carried-downloaded").count() == 1


def test_a_file_is_removed_with_its_intent_before_it(folder: Path, furnished: dict[str, Any]) -> None:
    _file(folder)
    client = client_of(furnished["people"]["admin"])
    assert client.delete(f"/api/v1/carried-images/{NAME}").status_code == 204
    assert not (folder / NAME).exists()
    rows = Event.objects.filter(action="backup.carried-removed").order_by("sequence")
    assert [row.outcome for row in rows] == ["intent", "done"]
    assert client.delete(f"/api/v1/carried-images/{NAME}").json()["code"] == "carried.no-such-file"


def test_a_file_is_taken_in_onto_the_target_that_was_chosen(folder: Path, furnished: dict[str, Any]) -> None:
    _file(folder)
    browser = browser_of(furnished["people"]["recovery-operator"])
    given = {"file": NAME, "target": furnished["target"].pk}
    assert browser.post(reverse("unit:carried-import"), given)["Location"] == LIST
    assert Job.objects.get(kind="backup.import").params["file"] == NAME


def test_the_wizard_of_a_blank_unit_finds_the_carried_disk(folder: Path, furnished: dict[str, Any]) -> None:
    Unit.objects.update(state="blank")
    _file(folder)
    (folder / "cut.strongroom-image").write_bytes(b"strongroom-carried-image;v=1\n")
    browser = browser_of(furnished["people"]["recovery-operator"])
    answer = browser.get("/recover/target/")
    assert b"A carried disk is here" in answer.content
    assert b"The file is cut off" in answer.content
    given = {"file": NAME, "target": furnished["target"].pk, "wizard": "yes"}
    assert browser.post(reverse("unit:carried-import"), given)["Location"] == "/recover/target/"
