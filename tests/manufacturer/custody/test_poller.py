"""Custody pulls: what a hostile or broken desk answers is survived, and no answer is lost or changed."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from manufacturer.custody import poller
from manufacturer.custody.engine.handle import handle_request
from manufacturer.custody.keyholder import KeyHolder
from manufacturer.custody.models import LedgerRow, Request
from manufacturer.custody.poller import Desk, pull_once, take, unfinished
from sealing.documents import ledger
from tests.support.maker import TOKEN, Loss, Maker, now

Handler = Callable[[httpx.Request], httpx.Response]


class FakeDesk:
    """An HTTP desk in memory, that countersigns and takes answers."""

    def __init__(self, maker: Maker) -> None:
        self.maker = maker
        self.rows: list[dict[str, Any]] = []
        self.replies: list[tuple[str, dict[str, Any]]] = []
        self.calls: list[str] = []
        self.reply_status = 200

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        self.calls.append(f"{request.method} {request.url.path}")
        if request.url.path.endswith("/custody/requests"):
            return httpx.Response(200, json=self.rows)
        body = json.loads(request.content)
        if request.url.path.endswith("/custody/ledger"):
            read = [ledger.read(text, self.maker.trust) for text in body["entries"]]
            signed = {e.digest: ledger.countersign(e, iat=now(), signer=self.maker.desk_signer) for e in read}
            return httpx.Response(200, json={"countersignatures": signed})
        self.replies.append((request.url.path.split("/")[-2], body))
        return httpx.Response(self.reply_status, json={"state": "answered"})


def desk_over(handler: Handler) -> Desk:
    return Desk("http://desk.test/", TOKEN, transport=httpx.MockTransport(handler))


def test_a_request_goes_from_the_desk_to_its_answer_with_the_ledger_first(
    maker: Maker, loss: Loss, keys: KeyHolder
) -> None:
    fake, request_id = FakeDesk(maker), str(uuid.uuid4())
    fake.rows = [{"id": request_id, "kind": "recover", "documents": loss.recovery()}]
    desk, judged = desk_over(fake), list[str]()
    assert pull_once(desk, lambda rid: judged.append(handle_request(rid, keys))) == 1
    assert judged == ["answered"]
    fake.rows, fake.calls = [], []
    assert pull_once(desk, lambda _: None) == 0
    assert fake.calls == [
        "POST /api/v1/custody/ledger",
        f"POST /api/v1/custody/requests/{request_id}/reply",
        "GET /api/v1/custody/requests",
    ]
    assert [(rid, reply["outcome"]) for rid, reply in fake.replies] == [(request_id, "done")]
    assert not LedgerRow.objects.filter(countersignature="").exists()


def test_a_desk_that_lost_an_answer_gets_the_same_one_again(
    maker: Maker, loss: Loss, keys: KeyHolder
) -> None:
    fake = FakeDesk(maker)
    fake.rows = [{"id": str(uuid.uuid4()), "kind": "recover", "documents": loss.recovery()}]
    desk, submitted = desk_over(fake), list[str]()
    pull_once(desk, submitted.append)
    handle_request(submitted[0], keys)
    for _ in range(3):
        pull_once(desk, submitted.append)
    assert len(submitted) == 1
    assert len(fake.replies) == 3
    assert all(reply == fake.replies[0] for reply in fake.replies)


def test_an_answer_that_could_not_be_posted_is_posted_later(
    maker: Maker, loss: Loss, keys: KeyHolder
) -> None:
    fake = FakeDesk(maker)
    row = Request.objects.create(id=uuid.uuid4(), kind="recover", documents=loss.recovery())
    handle_request(str(row.pk), keys)
    fake.reply_status = 503
    with pytest.raises(httpx.HTTPStatusError):
        pull_once(desk_over(fake), lambda _: None)
    row.refresh_from_db()
    assert row.posted_at is None
    fake.reply_status = 200
    pull_once(desk_over(fake), lambda _: None)
    row.refresh_from_db()
    assert row.posted_at is not None


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_an_answer_the_desk_does_not_want_is_kept_and_stops_nothing(
    maker: Maker, loss: Loss, keys: KeyHolder, status: int
) -> None:
    fake = FakeDesk(maker)
    fake.reply_status = status
    row = Request.objects.create(id=uuid.uuid4(), kind="recover", documents=loss.recovery())
    handle_request(str(row.pk), keys)
    pull_once(desk_over(fake), lambda _: None)
    row.refresh_from_db()
    assert (row.state, row.reply is not None, row.posted_at is not None) == ("answered", True, True)


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"id": "x", "kind": "drill", "documents": {}},
        {"id": str(uuid.uuid4()), "kind": "export", "documents": {}},
        {"id": str(uuid.uuid4()), "kind": "drill", "documents": []},
        {"id": ["a"], "kind": "drill", "documents": {}},
        {"id": None, "kind": None, "documents": None},
    ],
)
def test_what_is_no_request_is_not_stored(maker: Maker, row: dict[str, Any]) -> None:
    assert not take(row)
    assert not Request.objects.exists()


def test_a_request_under_a_known_id_changes_nothing_of_it(maker: Maker, loss: Loss) -> None:
    request_id = str(uuid.uuid4())
    assert take({"id": request_id, "kind": "drill", "documents": {"request": "a.b.c"}})
    assert not take({"id": request_id, "kind": "recover", "documents": loss.recovery()})
    stored = Request.objects.get()
    assert (stored.kind, stored.documents) == ("drill", {"request": "a.b.c"})


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, content=b"not json"),
        httpx.Response(500),
        httpx.Response(302, headers={"Location": "http://elsewhere.test/"}),
        httpx.Response(200, content=b"[" + b"0," * 3_000_000 + b"0]"),
    ],
)
def test_a_broken_answer_of_the_desk_is_an_error_and_no_request(maker: Maker, answer: httpx.Response) -> None:
    with pytest.raises((httpx.HTTPError, ValueError)):
        pull_once(desk_over(lambda _: answer), lambda _: None)
    assert not Request.objects.exists()


@pytest.mark.parametrize("body", [{"a": 1}, "text", 7, [1, "x", None]])
def test_json_that_is_no_list_of_requests_is_none(maker: Maker, body: Any) -> None:
    assert pull_once(desk_over(lambda _: httpx.Response(200, json=body)), lambda _: None) == 0


def test_one_pull_takes_a_bounded_number(maker: Maker) -> None:
    fake = FakeDesk(maker)
    fake.rows = [{"id": str(uuid.uuid4()), "kind": "drill", "documents": {}} for _ in range(80)]
    assert pull_once(desk_over(fake), lambda _: None) == poller.MAX_REQUESTS
    assert len(unfinished()) == poller.MAX_REQUESTS


def test_countersignatures_of_another_shape_are_no_countersignatures(
    maker: Maker, loss: Loss, keys: KeyHolder
) -> None:
    row = Request.objects.create(id=uuid.uuid4(), kind="recover", documents=loss.recovery())
    handle_request(str(row.pk), keys)
    answers: list[dict[str, Any]] = [{}, {"countersignatures": []}, {"countersignatures": {"x": 7}}]
    for answer in answers:
        poller.mirror(desk_over(lambda _, body=answer: httpx.Response(200, json=body)))  # type: ignore[misc]
    assert LedgerRow.objects.filter(countersignature="").count() == 2
