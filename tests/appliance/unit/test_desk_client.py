"""The unit's calls of the desk: what goes wrong on a network becomes a refusal in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from appliance.unit.addresses import checked_address
from appliance.unit.desk import MAX_ANSWER_BYTES, Desk
from appliance.unit.errors import (
    DeskAddressRefused,
    DeskAnswerRefused,
    DeskRefused,
    DeskUnreachable,
)
from tests.appliance.keys.desk import TestDesk
from tests.appliance.keys.maker import Maker


@pytest.fixture(scope="module")
def maker() -> Maker:
    return Maker()


@pytest.fixture
def server(maker: Maker) -> Iterator[TestDesk]:
    made = TestDesk(maker)
    yield made
    made.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "desk.example",
        "ftp://desk.example",
        "file:///etc/passwd",
        "http://desk.example",
        "http://127.0.0.1.example",
        "http://10.0.0.1",
        "http://169.254.169.254",
        "https://user@desk.example",
        "https://user:secret@desk.example",
        "https://desk.example/path",
        "https://desk.example?x=1",
        "https://desk.example#x",
        "https://desk.example:99999",
        "https://[::1",
        "https://",
    ],
)
def test_an_address_that_is_no_desks_is_refused(url: str) -> None:
    with pytest.raises(DeskAddressRefused):
        checked_address(url)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://desk.example", "https://desk.example"),
        (" https://Desk.Example:8443/ ", "https://desk.example:8443"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_an_address_is_kept_in_one_spelling(url: str, address: str) -> None:
    assert checked_address(url) == address


CALLS: list[Callable[[Desk], Any]] = [
    lambda desk: desk.authority(),
    lambda desk: desk.enrolment("thumbprint"),
    lambda desk: desk.lodge_value("a.b.c"),
    lambda desk: desk.lodge_head("a.b.c"),
    lambda desk: desk.ask_drill("a.b.c"),
    lambda desk: desk.drill("some-id"),
    lambda desk: desk.send_transfer_request("a.b.c"),
    lambda desk: desk.collect_transfer("digest", "code"),
    lambda desk: desk.send_installation("a.b.c"),
    lambda desk: desk.send_report("a.b.c"),
]


def answering(respond: Callable[[httpx.Request], httpx.Response]) -> Desk:
    return Desk("http://127.0.0.1:1", transport=httpx.MockTransport(respond))


@pytest.mark.parametrize("call", CALLS)
def test_every_call_says_in_words_that_the_desk_is_away(call: Callable[[Desk], Any]) -> None:
    with pytest.raises(DeskUnreachable) as caught:
        call(Desk("http://127.0.0.1:1"))
    assert caught.value.next_step


@pytest.mark.parametrize("call", CALLS)
def test_every_call_passes_the_desks_own_words_on(call: Callable[[Desk], Any]) -> None:
    problem = {"code": "values.wrong-customer", "title": "Not yours.", "next_step": "Ask."}
    with pytest.raises(DeskRefused) as caught:
        call(answering(lambda _request: httpx.Response(409, json=problem)))
    assert caught.value.facts == {
        "status": 409,
        "desk_code": "values.wrong-customer",
        "desk_title": "Not yours.",
        "desk_next_step": "Ask.",
    }


@pytest.mark.parametrize(
    ("response", "refusal"),
    [
        (httpx.Response(302, headers={"Location": "http://127.0.0.1:9/steal"}), DeskAnswerRefused),
        (httpx.Response(200, content=b"<html>"), DeskAnswerRefused),
        (httpx.Response(200, json=["list"]), DeskAnswerRefused),
        (httpx.Response(200, json={}), DeskAnswerRefused),
        (httpx.Response(200, json={"list": 7}), DeskAnswerRefused),
        (httpx.Response(200, json={"list": ""}), DeskAnswerRefused),
        (httpx.Response(200, content=b"x" * (MAX_ANSWER_BYTES + 1)), DeskAnswerRefused),
        (httpx.Response(404, content=b"not here"), DeskUnreachable),
        (httpx.Response(502, json={"code": "proxy"}), DeskUnreachable),
        (httpx.Response(500), DeskUnreachable),
    ],
)
def test_an_answer_that_is_no_desks_is_not_believed(
    response: httpx.Response, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        answering(lambda _request: response).authority()


def test_a_redirect_is_not_followed_over_a_real_connection(server: TestDesk) -> None:
    server.replace("GET authority", lambda _body: (302, {"location": f"{server.url}/api/v1/values"}))
    with pytest.raises(DeskAnswerRefused):
        Desk(server.url).authority()
    assert server.calls == ["GET authority"]


def test_a_proxy_of_the_environment_is_not_used(server: TestDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert Desk(server.url).authority() == server.maker.authorities


def test_names_in_paths_cannot_leave_their_place(server: TestDesk) -> None:
    server.replace("GET enrolments", lambda _body: (404, {"code": "x", "title": "", "next_step": ""}))
    with pytest.raises(DeskRefused):
        Desk(server.url).enrolment("../../admin?x=1")
    assert server.calls == ["GET enrolments"]


def test_each_call_sends_its_document_to_its_address(server: TestDesk) -> None:
    desk = Desk(server.url)
    desk.send_transfer_request("r.r.r")
    desk.send_installation("i.i.i")
    desk.send_report("p.p.p")
    server.replace("POST transfers/collect", lambda _body: (200, {"transfer": "t.t.t"}))
    assert desk.collect_transfer("digest", "123-456") == "t.t.t"
    server.replace("POST heads", lambda _body: (201, {"receipt": "h.h.h"}))
    assert desk.lodge_head("a.b.c").receipt == "h.h.h"
    assert server.received == [
        ("POST transfer-requests", {"request": "r.r.r"}),
        ("POST installations", {"receipt": "i.i.i"}),
        ("POST recovery-reports", {"report": "p.p.p"}),
        ("POST transfers/collect", {"request_digest": "digest", "code": "123-456"}),
        ("POST heads", {"head": "a.b.c"}),
    ]
