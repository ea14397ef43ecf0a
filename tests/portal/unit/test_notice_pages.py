"""The bell, the notices behind it, and the channels they go out by."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from appliance.notices.models import NoticeChannel, NoticeDelivery
from appliance.unit.models import Unit
from sealing.encoding import b64u
from sealing.hpke import KemPrivateKey
from tests.support.pages import browser_of

pytestmark = pytest.mark.django_db
HOOK = {"name": "hook", "kind": "webhook", "to": "https://hooks.example.com/in", "events": ["failure"]}


@pytest.fixture
def admin(furnished: dict[str, Any]) -> Any:
    Unit.objects.update(spool_public_key=b64u(KemPrivateKey.generate().public.raw))
    return browser_of(furnished["people"]["admin"])


def test_the_bell_counts_what_this_person_has_not_read(furnished: dict[str, Any], admin: Any) -> None:
    assert b"Notices, 1 unread" in admin.get(reverse("unit:survival")).content
    admin.post(reverse("unit:notice-read", args=[furnished["notice"].pk]))
    assert b"Notices, 1 unread" not in admin.get(reverse("unit:survival")).content
    auditor = browser_of(furnished["people"]["auditor"])
    assert b"Notices, 1 unread" in auditor.get(reverse("unit:survival")).content
    auditor.post(reverse("unit:notices-read"))
    assert b"Notices, 1 unread" not in auditor.get(reverse("unit:survival")).content


def test_who_is_told_nothing_has_no_bell(furnished: dict[str, Any]) -> None:
    assert b"sr-bell" not in browser_of(furnished["people"]["member"]).get(reverse("unit:images")).content


def test_a_webhooks_secret_is_shown_in_one_answer_only(admin: Any) -> None:
    answer = admin.post(reverse("unit:channels"), HOOK)
    secret = answer.context["secret"]
    assert len(secret) > 40
    assert secret.encode() in answer.content
    assert secret.encode() not in admin.get(reverse("unit:channels")).content
    assert secret not in NoticeChannel.objects.get(name="hook").sealed_secret


def test_a_new_secret_asks_for_a_fresh_sign_in(furnished: dict[str, Any], admin: Any) -> None:
    admin.post(reverse("unit:channels"), HOOK)
    hook = NoticeChannel.objects.get(name="hook")
    stale = browser_of(furnished["people"]["admin"], fresh=False)
    assert stale.post(reverse("unit:channel-secret", args=[hook.pk])).status_code == 401
    assert admin.post(reverse("unit:channel-secret", args=[hook.pk])).context["secret"]


@pytest.mark.parametrize(
    "given", [{**HOOK, "to": "http://hooks.example.com"}, {**HOOK, "kind": "mail", "to": "nobody"}]
)
def test_a_channel_that_cannot_be_right_is_refused(given: dict[str, Any], admin: Any) -> None:
    answer = admin.post(reverse("unit:channels"), given)
    assert b"notices.bad-channel" in answer.content
    assert NoticeChannel.objects.count() == 1


def test_a_mail_channel_takes_several_addresses_and_is_silenced_and_removed(admin: Any) -> None:
    admin.post(reverse("unit:channels"), {**HOOK, "kind": "mail", "to": "a@example.com, b@example.com"})
    made = NoticeChannel.objects.get(name="hook")
    assert made.settings == {"to": ["a@example.com", "b@example.com"]}
    admin.post(reverse("unit:channel-switch", args=[made.pk]), {"on": "no"})
    made.refresh_from_db()
    assert not made.enabled
    admin.post(reverse("unit:channel-remove", args=[made.pk]))
    assert not NoticeChannel.objects.filter(name="hook").exists()


def test_a_test_notice_is_put_on_its_way(furnished: dict[str, Any], admin: Any) -> None:
    admin.post(reverse("unit:channel-test", args=[furnished["channel"].pk]))
    assert NoticeDelivery.objects.get().notice.event == "test"
    assert b"Waiting</span>" in admin.get(reverse("unit:channels")).content
