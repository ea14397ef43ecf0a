"""REST of virtual images and uploads: who sees what, what is refused, what is done."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from appliance.catalog import actions
from appliance.catalog.models import VirtualImage
from appliance.content.models import Upload
from audit.actor import Actor
from audit.models import Event
from tests.appliance.catalog.world import Keys, image_of, work

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/v1/virtual-images"
CONTENT = b"content " * 1000
Uploaded = Callable[..., Upload]
SignIn = Callable[[User], APIClient]


@pytest.fixture
def image(uploaded: Uploaded, member: User, keys: Keys) -> VirtualImage:
    made = actions.create_from_upload(
        actor=Actor.user(member), owner=member, upload=uploaded(CONTENT), name="Debian"
    )
    work()
    return image_of(made.pk)


@pytest.mark.parametrize("method", ["get", "post"])
def test_without_signing_in_there_is_nothing(method: str) -> None:
    answer = getattr(APIClient(), method)(URL)
    assert (answer.status_code, answer.json()["code"]) == (401, "ground.unauthenticated")


@pytest.mark.parametrize("roles", [("recovery-operator",), ()])
def test_people_without_access_to_content_see_nothing(
    person: Callable[..., User], api: SignIn, image: VirtualImage, roles: tuple[str, ...]
) -> None:
    client = api(person("ada", *roles))
    assert [client.get(where).status_code for where in (URL, f"{URL}/{image.pk}")] == [403, 403]


def test_an_auditor_looks_and_changes_nothing(
    person: Callable[..., User], api: SignIn, image: VirtualImage, uploaded: Uploaded
) -> None:
    client = api(person("ada", "auditor"))
    assert client.get(f"{URL}/{image.pk}").status_code == 200
    assert client.post(URL, {"upload": str(uuid.uuid4())}).status_code == 403
    assert client.patch(f"{URL}/{image.pk}", {"name": "x"}, HTTP_IF_MATCH="*").status_code == 403
    assert client.delete(f"{URL}/{image.pk}").status_code == 403
    assert client.post(f"{URL}/{image.pk}/seal").status_code == 403
    assert image_of(image.pk).name == "Debian"


def test_another_members_image_does_not_exist(
    person: Callable[..., User], api: SignIn, image: VirtualImage
) -> None:
    client = api(person("eve", "member"))
    where = f"{URL}/{image.pk}"
    answers = [
        client.get(where),
        client.patch(where, {"name": "x"}, HTTP_IF_MATCH="*"),
        client.delete(where),
        client.post(f"{where}/seal"),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (404, "images.unknown")
    ] * 4
    assert client.get(URL).json()["results"] == []


def test_another_persons_upload_cannot_be_used(
    person: Callable[..., User], api: SignIn, uploaded: Uploaded
) -> None:
    upload = uploaded(CONTENT)
    answer = api(person("eve", "admin")).post(URL, {"upload": str(upload.pk), "name": "mine"})
    assert (answer.status_code, answer.json()["code"]) == (404, "uploads.unknown")


def test_an_upload_is_used_once(api: SignIn, member: User, uploaded: Uploaded) -> None:
    client, upload = api(member), uploaded(CONTENT)
    assert client.post(URL, {"upload": str(upload.pk), "name": "one"}).status_code == 201
    answer = client.post(URL, {"upload": str(upload.pk), "name": "two"})
    assert (answer.status_code, answer.json()["code"]) == (409, "images.upload-taken")


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "x" * 201},
        {"name": "line\nbreak"},
        {"name": "a", "sha256": "short"},
        {"name": "a", "sha256": "00" * 32},
        {"name": "a", "upload": "no uuid"},
    ],
    ids=["nameless", "long", "line-break", "short-digest", "other-digest-than-declared", "no-uuid"],
)
def test_what_cannot_be_is_refused(
    api: SignIn, member: User, uploaded: Uploaded, fields: dict[str, Any]
) -> None:
    upload = uploaded(CONTENT, sha256=hashlib.sha256(CONTENT).hexdigest())
    answer = api(member).post(URL, {"upload": str(upload.pk), **fields})
    assert (answer.status_code, answer.json()["code"]) == (422, "ground.invalid")
    assert VirtualImage.objects.count() == 0


def test_state_and_recipe_cannot_be_set_from_outside(
    api: SignIn, member: User, uploaded: Uploaded, image: VirtualImage
) -> None:
    smuggled = {"state": "ready", "recipe": "00" * 32, "owner": str(uuid.uuid4()), "sha256": ""}
    client = api(member)
    made = client.post(URL, {"upload": str(uploaded(CONTENT).pk), "name": "new", **smuggled}).json()
    client.patch(f"{URL}/{image.pk}", smuggled, HTTP_IF_MATCH="*")
    assert (made["state"], made["recipe"]) == ("waiting", "")
    assert image_of(image.pk).recipe == image.recipe


def test_an_edit_names_the_version_it_changes(api: SignIn, member: User, image: VirtualImage) -> None:
    client, where = api(member), f"{URL}/{image.pk}"
    tag = client.get(where)["ETag"]
    assert client.patch(where, {"name": "x"}).status_code == 412
    assert client.patch(where, {"name": "Bookworm"}, HTTP_IF_MATCH=tag).json()["name"] == "Bookworm"
    assert client.patch(where, {"name": "late"}, HTTP_IF_MATCH=tag).status_code == 412
    assert image_of(image.pk).name == "Bookworm"


def test_an_image_being_sealed_is_not_deleted(api: SignIn, member: User, uploaded: Uploaded) -> None:
    made = api(member).post(URL, {"upload": str(uploaded(CONTENT).pk), "name": "busy"}).json()
    VirtualImage.objects.update(state=VirtualImage.State.SEALING)
    answer = api(member).delete(f"{URL}/{made['id']}")
    assert (answer.status_code, answer.json()["code"]) == (409, "images.busy")


def test_a_ready_image_has_nothing_to_seal(api: SignIn, member: User, image: VirtualImage) -> None:
    answer = api(member).post(f"{URL}/{image.pk}/seal")
    assert (answer.status_code, answer.json()["code"]) == (409, "images.nothing-to-seal")


def test_a_failed_image_is_tried_again(api: SignIn, member: User, uploaded: Uploaded, keys: Keys) -> None:
    keys.trouble = [ZeroDivisionError()] * 3
    made = api(member).post(URL, {"upload": str(uploaded(CONTENT).pk), "name": "again"}).json()
    work()
    assert image_of(made["id"]).state == VirtualImage.State.FAILED
    answer = api(member).post(f"{URL}/{made['id']}/seal")
    assert answer.status_code == 202
    work()
    assert image_of(made["id"]).state == VirtualImage.State.READY


def test_an_image_is_made_shown_and_listed(api: SignIn, member: User, uploaded: Uploaded, keys: Keys) -> None:
    digest = hashlib.sha256(CONTENT).hexdigest()
    client = api(member)
    answer = client.post(URL, {"upload": str(uploaded(CONTENT).pk), "name": "Debian", "sha256": digest})
    assert answer.status_code == 201
    work()
    shown = client.get(answer["Location"]).json()
    assert (shown["state"], shown["sha256"], shown["size"]) == ("ready", digest, len(CONTENT))
    assert client.get(URL, {"state": "ready"}).json()["results"] == [shown]
    assert client.get(URL, {"state": "failed"}).json()["results"] == []


def test_a_repeated_request_makes_one_image(api: SignIn, member: User, uploaded: Uploaded) -> None:
    fields = {"upload": str(uploaded(CONTENT).pk), "name": "once"}
    client = api(member)
    answers = [client.post(URL, fields, HTTP_IDEMPOTENCY_KEY="k").json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert VirtualImage.objects.count() == 1


def test_a_deleted_image_is_gone_and_the_log_says_so(api: SignIn, member: User, image: VirtualImage) -> None:
    assert api(member).delete(f"{URL}/{image.pk}").status_code == 204
    assert api(member).get(f"{URL}/{image.pk}").status_code == 404
    assert Event.objects.filter(action="images.deleted", actor_name=member.username).count() == 1


def test_an_admin_sees_and_changes_all(person: Callable[..., User], api: SignIn, image: VirtualImage) -> None:
    client = api(person("ada", "admin"))
    assert [row["id"] for row in client.get(URL).json()["results"]] == [str(image.pk)]
    assert client.patch(f"{URL}/{image.pk}", {"description": "d"}, HTTP_IF_MATCH="*").status_code == 200


def test_people_see_their_own_uploads_and_how_far_they_are(
    person: Callable[..., User], api: SignIn, member: User, uploaded: Uploaded
) -> None:
    upload = uploaded(CONTENT, upto=1000)
    shown = api(member).get(f"/api/v1/uploads/{upload.pk}").json()
    assert (shown["offset"], shown["length"], shown["state"]) == (1000, len(CONTENT), "open")
    assert [row["id"] for row in api(member).get("/api/v1/uploads").json()["results"]] == [str(upload.pk)]
    other = api(person("eve", "admin"))
    assert other.get("/api/v1/uploads").json()["results"] == []
    assert other.get(f"/api/v1/uploads/{upload.pk}").status_code == 404
