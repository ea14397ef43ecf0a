"""Webhooks: where they may not go, how they are signed, what a receiver's answer means."""

from __future__ import annotations

import dataclasses
import json
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.keys.engine.secrets import Opener
from appliance.notices import dispatch
from appliance.notices.actions import add_channel, edit_channel, renew_secret, send_test
from appliance.notices.engine import webhook
from appliance.notices.errors import BadChannel, NoSecret, ReceiverRefused, ReceiverUnreachable
from appliance.notices.models import NoticeChannel, NoticeDelivery
from appliance.notices.settings import place_of
from appliance.unit.models import Unit
from audit.actor import Actor
from audit.models import Event
from ground.net import AddressRefused
from ground.refusals import Refusal
from tests.support.receiver import Receiver, certificate_for, is_genuine, running_receiver
from tests.support.small_unit import KeysOfTheUnit

pytestmark = pytest.mark.django_db
ADA = Actor("user", "1", "ada")

# Spellings of loopback, private, link-local, shared, unspecified, multicast and reserved places.
_SPELLINGS = """
127.0.0.1 127.0.0.2 127.1 127.0.1 2130706433 0x7f000001 0x7f.0x0.0x0.0x1 0x7f.1 0177.0.0.1 0177.1
017700000001 0 0.0.0.0 localhost localhost. 127.255.255.254 10.0.0.1 10.1 167772161 0xa000001 012.0.0.1
172.16.0.1 172.31.255.255 0xac100001 192.168.0.1 192.168.1 0xc0a80001 3232235521 169.254.169.254
2852039166 0xa9fea9fe 0251.0376.0251.0376 169.254.1 100.64.0.1 100.100.100.200 198.18.0.1 192.0.2.1
224.0.0.1 240.0.0.1 255.255.255.255 [::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:10.0.0.1]
[::127.0.0.1] [64:ff9b::127.0.0.1] [64:ff9b::a9fe:a9fe] [2002:7f00:1::] [2002:a00:1::] [fe80::1]
[fe80::1%25lo] [fc00::1] [fd00:ec2::254] [ff02::1] [2001:db8::1] 127.0.0.1%2f.example.org 127。0。0。1
①②⑦.0.0.1 user@127.0.0.1 127.0.0.1#@example.org example.org\\@127.0.0.1 127.0.0.1%00.example.org
"""
INSIDE = _SPELLINGS.split()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as kept:
        yield kept


@pytest.fixture
def connections_made(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every attempt of this process to connect a socket of the internet."""
    made: list[object] = []
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def watched(self: socket.socket, address: object) -> None:
        made.append(address)
        connect(self, address)  # type: ignore[arg-type]

    def watched_ex(self: socket.socket, address: object) -> int:
        made.append(address)
        return connect_ex(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", watched)
    monkeypatch.setattr(socket.socket, "connect_ex", watched_ex)
    return made


@pytest.fixture
def hook(unit: Unit, receiver: Receiver) -> tuple[NoticeChannel, str]:
    return add_channel(
        actor=ADA, name="hook", kind="webhook", settings={"url": receiver.url}, allow_private=True
    )


def attempt(channel: NoticeChannel) -> NoticeDelivery:
    delivery = send_test(channel, actor=ADA)
    assert dispatch.claim(delivery, delivery.due_at)
    return delivery


def send(channel: NoticeChannel) -> NoticeDelivery:
    delivery = attempt(channel)
    webhook.send_webhook(delivery, Opener(KeysOfTheUnit()))  # type: ignore[arg-type]  # as much as is asked of it
    return delivery


# ---- where it may not go -----------------------------------------------------------------------------


def test_the_corpus_is_large_enough() -> None:
    assert len(INSIDE) >= 60


@pytest.mark.parametrize("host", INSIDE)
def test_no_spelling_of_a_place_inside_is_ever_connected_to(
    unit: Unit, receiver: Receiver, connections_made: list[object], host: str
) -> None:
    """Neither when it is taken in, nor when a row with it is there all the same."""
    url = f"https://{host}:{receiver.port}/"
    channel, _ = add_channel(actor=ADA, name="h", kind="webhook", settings={"url": "https://example.org/"})
    NoticeChannel.objects.update(settings={"url": url})
    channel.refresh_from_db()
    with pytest.raises(Refusal) as refused:
        send(channel)
    assert refused.value.code in ("address.refused", "address.unknown", "notices.bad-channel")
    assert connections_made == []
    assert receiver.got == []


def test_a_name_that_leads_inside_is_refused_when_it_is_called(
    unit: Unit, receiver: Receiver, connections_made: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", receiver.port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)
    channel, _ = add_channel(actor=ADA, name="h", kind="webhook", settings={"url": "https://rebind.example/"})
    with pytest.raises(AddressRefused):
        send(channel)
    assert connections_made == []


def test_a_name_is_resolved_once_and_only_what_was_judged_is_called(
    unit: Unit, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = socket.getaddrinfo

    def answer(host: str, *args: object, **options: object) -> object:
        asked.append(host)
        target = "127.0.0.1" if host == "rebind.example" else host
        return real(target, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    url = f"http://rebind.example:{receiver.port}/"
    channel, _ = add_channel(actor=ADA, name="h", kind="webhook", settings={"url": url}, allow_private=True)
    send(channel)
    assert asked.count("rebind.example") == 1
    assert receiver.got[0][1]["host"] == f"rebind.example:{receiver.port}"


def test_a_redirect_is_a_refusal_and_is_not_followed(
    hook: tuple[NoticeChannel, str], receiver: Receiver
) -> None:
    receiver.status, receiver.location = 307, f"http://127.0.0.1:{receiver.port}/inside"
    with pytest.raises(ReceiverRefused) as refused:
        send(hook[0])
    assert refused.value.facts == {"status": 307}
    assert [path for path, _, _ in receiver.got] == ["/hooks/strongroom?team=ops"]


def test_a_proxy_of_the_environment_is_not_used(
    hook: tuple[NoticeChannel, str], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    send(hook[0])
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    "url",
    [
        *["", "x", "ftp://example.org/", "http://example.org/", "https://", "https:///x", "//example.org/"],
        *["https://u:p@example.org/", "https://example.org/#x", "https://example.org:0/", "https://a b/"],
        *["https://example.org:99999/", "https://exämple.org/", "https://example.org/\r\nX: y", 7, None],
        "https://example.org/" + "x" * 1000,
    ],
)
def test_what_is_no_address_is_refused(url: object) -> None:
    with pytest.raises(BadChannel):
        place_of(url, allow_private=False)


def test_private_addresses_no_longer_allowed_are_refused_at_once(
    hook: tuple[NoticeChannel, str],
) -> None:
    with pytest.raises(Refusal):
        edit_channel(hook[0], actor=ADA, allow_private=False)
    hook[0].refresh_from_db()
    assert hook[0].allow_private


# ---- how it is signed --------------------------------------------------------------------------------


def test_an_independent_receiver_verifies_the_signature(
    hook: tuple[NoticeChannel, str], receiver: Receiver
) -> None:
    channel, secret = hook
    delivery = send(channel)
    ((path, headers, body),) = receiver.got
    now = int(time.time())
    assert path == "/hooks/strongroom?team=ops"
    assert is_genuine(secret, headers, body, now=now)
    assert not is_genuine(secret, headers, body + b" ", now=now)
    assert not is_genuine(secret, headers, body, now=now + 3600)
    assert not is_genuine(secret, {**headers, "strongroom-timestamp": str(now + 1)}, body, now=now + 1)
    assert not is_genuine("another", headers, body, now=now)
    said = json.loads(body)
    assert (said["type"], said["version"], said["event"]) == ("strongroom-notice", 1, "test")
    assert said["unit"] == {"serial": "SR-A-0001", "appliance": "Harbour cloud"}
    assert said["delivery"] == headers["strongroom-delivery"] == str(delivery.pk)
    assert {"subject", "consequence", "next_step"} <= said.keys()


def test_a_new_secret_signs_and_the_old_one_does_not(
    hook: tuple[NoticeChannel, str], receiver: Receiver
) -> None:
    channel, old = hook
    new = renew_secret(channel, actor=ADA)
    send(channel)
    ((_, headers, body),) = receiver.got
    assert is_genuine(new, headers, body, now=int(time.time()))
    assert not is_genuine(old, headers, body, now=int(time.time()))


def test_the_secret_stands_nowhere_in_clear(hook: tuple[NoticeChannel, str]) -> None:
    channel, secret = hook
    rows = [str(row) for row in NoticeChannel.objects.values()] + [str(row) for row in Event.objects.values()]
    assert not any(secret in row for row in rows)
    assert len(secret) >= 43
    assert channel.has_secret


def test_a_secret_moved_to_another_channel_does_not_open(
    hook: tuple[NoticeChannel, str], receiver: Receiver
) -> None:
    other, _ = add_channel(
        actor=ADA, name="other", kind="webhook", settings={"url": receiver.url}, allow_private=True
    )
    NoticeChannel.objects.filter(pk=other.pk).update(sealed_secret=hook[0].sealed_secret)
    other.refresh_from_db()
    with pytest.raises(Refusal):
        send(other)
    assert receiver.got == []


def test_without_a_secret_nothing_is_sent(hook: tuple[NoticeChannel, str], receiver: Receiver) -> None:
    NoticeChannel.objects.update(sealed_secret="")
    hook[0].refresh_from_db()
    with pytest.raises(NoSecret):
        send(hook[0])
    assert receiver.got == []


# ---- what the answer means ---------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 404, 410, 500, 503])
def test_an_answer_that_is_not_2xx_is_a_refusal(
    hook: tuple[NoticeChannel, str], receiver: Receiver, status: int
) -> None:
    receiver.status = status
    with pytest.raises(ReceiverRefused) as refused:
        send(hook[0])
    assert refused.value.facts == {"status": status}


def test_nobody_listening_is_unreachable(hook: tuple[NoticeChannel, str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    edit_channel(hook[0], actor=ADA, settings={"url": f"http://127.0.0.1:{port}/"})
    with pytest.raises(ReceiverUnreachable):
        send(hook[0])


def test_a_receiver_that_never_answers_is_given_up_after_a_while(
    hook: tuple[NoticeChannel, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "TOTAL_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        edit_channel(hook[0], actor=ADA, settings={"url": url})
        with pytest.raises(ReceiverUnreachable):
            send(hook[0])


def test_plain_http_where_https_was_asked_for_is_unreachable(
    hook: tuple[NoticeChannel, str], receiver: Receiver
) -> None:
    edit_channel(hook[0], actor=ADA, settings={"url": receiver.url.replace("http://", "https://")})
    with pytest.raises(ReceiverUnreachable):
        send(hook[0])
    assert receiver.got == []


def test_a_certificate_is_that_of_the_name_though_the_address_is_called(
    unit: Unit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = certificate_for("hook.example", tmp_path)
    context = ssl.create_default_context
    real = socket.getaddrinfo

    def answer(host: str, *args: object, **options: object) -> object:
        return real("127.0.0.1" if host.endswith(".example") else host, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    monkeypatch.setattr(ssl, "create_default_context", lambda: context(cafile=str(authority)))
    with running_receiver(authority) as kept:
        url = f"https://hook.example:{kept.port}/"
        channel, _ = add_channel(
            actor=ADA, name="tls", kind="webhook", settings={"url": url}, allow_private=True
        )
        send(channel)
        assert len(kept.got) == 1
        edit_channel(channel, actor=ADA, settings={"url": url.replace("hook.", "other.")})
        with pytest.raises(ReceiverUnreachable):
            send(channel)
        monkeypatch.setattr(ssl, "create_default_context", context)
        edit_channel(channel, actor=ADA, settings={"url": url})
        with pytest.raises(ReceiverUnreachable):
            send(channel)
        assert len(kept.got) == 1


def test_an_address_is_taken_apart_as_it_stands() -> None:
    place = place_of("https://example.org:8443/a?b=c", allow_private=False)
    assert dataclasses.astuple(place) == ("https", "example.org", 8443, "/a?b=c")
    assert place.authority == "example.org:8443"
