"""Channels and notices by REST: refusals by code, roles, what is shown once, and the bell."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.notices.models import NoticeChannel, NoticeDelivery
from appliance.notices.raising import raise_notice, resolve_notice
from appliance.notices.selectors import channel, deliveries, notice, unread_count
from appliance.unit.actions import pause_outbound
from appliance.unit.models import Unit
from audit.actor import Actor
from ground.refusals import Missing
from tests.support.people import SignedIn, client_of, person

pytestmark = pytest.mark.django_db
ADA = Actor("user", "1", "ada")
CHANNELS, NOTICES = "/api/v1/notice-channels", "/api/v1/notices"
MAIL: dict[str, Any] = {"name": "ops", "kind": "mail", "settings": {"to": ["ops@example.org"]}}
HOOK: dict[str, Any] = {"name": "hook", "kind": "webhook", "settings": {"url": "https://hooks.example.org/x"}}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"settings": {}}, "notices.bad-channel"),
        ({"settings": {"to": []}}, "notices.bad-channel"),
        ({"settings": {"to": ["ops@example.org"] * 21}}, "notices.bad-channel"),
        ({"settings": {"to": ["ops@example.org\nBcc: eve@example.org"]}}, "notices.bad-channel"),
        ({"settings": {"to": "ops@example.org"}}, "notices.bad-channel"),
        ({"settings": {"to": ["a@example.org"], "cc": []}}, "notices.bad-channel"),
        ({"events": []}, "notices.bad-channel"),
        ({"events": ["weather"]}, "ground.invalid"),
        ({"kind": "pigeon"}, "ground.invalid"),
        ({"kind": "webhook", "settings": {"url": "http://example.org/"}}, "notices.bad-channel"),
        ({"kind": "webhook", "settings": {"url": "https://127.0.0.1/"}}, "address.refused"),
        (
            {"kind": "webhook", "settings": {"url": "https://[fe80::1]/"}, "allow_private": True},
            "address.refused",
        ),
    ],
)
def test_a_channel_that_cannot_be_is_refused_by_code(
    signed_in: SignedIn, unit: Unit, changed: dict[str, Any], code: str
) -> None:
    assert signed_in("admin").post(CHANNELS, {**MAIL, **changed}).json()["code"] == code
    assert not NoticeChannel.objects.exists()


def test_a_name_is_taken_once(signed_in: SignedIn, unit: Unit) -> None:
    admin = signed_in("admin")
    admin.post(CHANNELS, MAIL)
    again = admin.post(CHANNELS, MAIL)
    assert (again.status_code, again.json()["code"]) == (409, "notices.name-taken")
    other = admin.post(CHANNELS, {**MAIL, "name": "other"})["Location"]
    assert admin.patch(other, {"name": "ops"}, HTTP_IF_MATCH="*").json()["code"] == "notices.name-taken"


@pytest.mark.parametrize(("role", "reads"), [("auditor", 200), ("member", 403), ("recovery-operator", 403)])
def test_only_an_admin_changes_channels(signed_in: SignedIn, unit: Unit, role: str, reads: int) -> None:
    one = signed_in("admin").post(CHANNELS, HOOK)["Location"]
    client = signed_in(role)
    assert [client.get(url).status_code for url in (CHANNELS, one)] == [reads, reads]
    calls = [
        client.post(CHANNELS, MAIL),
        client.patch(one, {"enabled": False}, HTTP_IF_MATCH="*"),
        client.post(f"{one}/test"),
        client.post(f"{one}/secret"),
        client.delete(one),
    ]
    assert [answer.status_code for answer in calls] == [403] * 5


def test_a_webhooks_secret_is_shown_once(signed_in: SignedIn, unit: Unit) -> None:
    admin = signed_in("admin")
    added = admin.post(CHANNELS, HOOK)
    one, secret = added["Location"], added.json()["secret"]
    assert len(secret) >= 43
    shown = [admin.get(one).content, admin.get(CHANNELS).content, admin.get("/api/v1/events").content]
    sealed = NoticeChannel.objects.get().sealed_secret
    assert not any(word.encode() in text for text in shown for word in (secret, sealed))
    assert admin.get(one).json()["has_secret"] is True
    renewed = admin.post(f"{one}/secret")
    assert renewed.json()["secret"] != secret


def test_mail_has_no_secret_to_renew(signed_in: SignedIn, unit: Unit) -> None:
    admin = signed_in("admin")
    one = admin.post(CHANNELS, MAIL)["Location"]
    assert admin.post(f"{one}/secret").json()["code"] == "notices.no-secret"


def test_a_tampered_unit_takes_no_secrets(signed_in: SignedIn, unit: Unit) -> None:
    Unit.objects.update(state="tampered")
    assert signed_in("admin").post(CHANNELS, HOOK).status_code == 403
    assert not NoticeChannel.objects.exists()


def test_an_edit_needs_the_version_that_was_read(signed_in: SignedIn, unit: Unit) -> None:
    admin = signed_in("admin")
    one = admin.post(CHANNELS, MAIL)["Location"]
    assert admin.patch(one, {"enabled": False}).json()["code"] == "ground.precondition-missing"
    tag = admin.get(one)["ETag"]
    edited = admin.patch(one, {"enabled": False, "events": ["damage"]}, HTTP_IF_MATCH=tag)
    assert (edited.json()["enabled"], edited.json()["events"]) == (False, ["damage"])
    assert admin.patch(one, {"enabled": True}, HTTP_IF_MATCH=tag).json()["code"] == "ground.stale"


def test_a_test_is_a_delivery_to_follow(signed_in: SignedIn, unit: Unit) -> None:
    admin = signed_in("admin")
    one = admin.post(CHANNELS, MAIL)["Location"]
    asked = admin.post(f"{one}/test")
    assert (asked.status_code, asked.json()["state"]) == (202, "waiting")
    listed = admin.get(f"{NOTICES}/{asked.json()['notice']}/deliveries").json()["results"]
    assert [row["id"] for row in listed] == [asked.json()["id"]]
    pause_outbound(actor=ADA, why="restored")
    assert admin.post(f"{one}/test").json()["code"] == "unit.outbound-paused"


def test_what_one_person_has_read_is_new_to_another(signed_in: SignedIn, unit: Unit) -> None:
    ada, bob = person("admin", username="ada"), person("auditor", username="bob")
    first = raise_notice("failure", key="a", subject="A")
    raise_notice("damage", key="b", subject="B")
    client = client_of(ada)
    assert client.post(f"{NOTICES}/{first.pk}/read").status_code == 204
    assert client.post(f"{NOTICES}/{first.pk}/read").status_code == 204
    assert (unread_count(ada), unread_count(bob)) == (1, 2)
    unread = client.get(NOTICES, {"unread": "true"}).json()["results"]
    assert [row["subject"] for row in unread] == ["B"]
    assert client.get(f"{NOTICES}/{first.pk}").json()["is_read"] is True
    assert client.post(f"{NOTICES}/read").json() == {"marked": 1}
    assert (unread_count(ada), unread_count(bob)) == (0, 2)
    assert client.get(NOTICES, {"unread": "false"}).json()["results"] != []


def test_notices_are_filtered(signed_in: SignedIn, unit: Unit) -> None:
    raise_notice("failure", key="a", subject="A")
    raise_notice("damage", key="b", subject="B")
    resolve_notice("a", subject="A is over")
    client = signed_in("recovery-operator")
    found = {
        name: {row["subject"] for row in client.get(NOTICES, query).json()["results"]}
        for name, query in {"open": {"open": "true"}, "damage": {"event": "damage"}}.items()
    }
    assert found == {"open": {"B"}, "damage": {"B"}}


def test_a_member_sees_no_notices(signed_in: SignedIn, unit: Unit) -> None:
    made = raise_notice("failure", key="a", subject="A")
    client = signed_in("member")
    urls = (NOTICES, f"{NOTICES}/{made.pk}", f"{NOTICES}/{made.pk}/deliveries")
    assert [client.get(url).status_code for url in urls] == [403] * 3
    assert [client.post(url).status_code for url in (f"{NOTICES}/read", f"{NOTICES}/{made.pk}/read")] == [
        403
    ] * 2


def test_a_removed_channel_is_gone(signed_in: SignedIn, unit: Unit) -> None:
    admin = signed_in("admin")
    one = admin.post(CHANNELS, MAIL)["Location"]
    assert admin.delete(one).status_code == 204
    assert admin.get(one).status_code == 404


@pytest.mark.parametrize("pk", ["not-a-uuid", "00000000-0000-4000-8000-000000000000"])
@pytest.mark.parametrize("find", [channel, notice])
def test_what_is_not_there_is_missing(db: None, find: Any, pk: str) -> None:
    with pytest.raises(Missing):
        find(pk)


def test_deliveries_are_found_by_notice_and_by_channel(signed_in: SignedIn, unit: Unit) -> None:
    signed_in("admin").post(CHANNELS, MAIL)
    made = raise_notice("failure", key="a", subject="A")
    row = NoticeDelivery.objects.get()
    assert list(deliveries(made)) == list(deliveries(channel=row.channel)) == list(deliveries()) == [row]
