"""Large bodies never reach Django, nor the disk."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest

from ground.rest.body_limit import LIMIT_BYTES, BodyLimit
from tests.appliance.content.asgi import BROKEN_OFF, call

MIB = 1 << 20


class Inner:
    """An application that reads its body and counts its calls."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.ended = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        body, more = b"", True
        while more:
            message = await receive()
            self.ended = message["type"]
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.bodies.append(body)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def inner() -> Inner:
    return Inner()


def test_a_declared_body_over_the_limit_is_refused_unread(inner: Inner) -> None:
    answer = call(BodyLimit(inner), "POST", "/x", {"Content-Length": str(20 * MIB)}, [bytes(MIB)] * 20)
    assert (answer.status, answer.code, answer.taken) == (413, "ground.too-large", 0)
    assert inner.bodies == []


def test_an_undeclared_body_over_the_limit_is_refused_at_the_limit(inner: Inner) -> None:
    answer = call(BodyLimit(inner), "POST", "/x", {}, [bytes(65536)] * 320)
    assert (answer.status, answer.code) == (413, "ground.too-large")
    assert answer.taken == LIMIT_BYTES // 65536 + 1
    assert inner.bodies == []


def test_a_body_that_lies_about_its_length_is_refused_at_the_limit(inner: Inner) -> None:
    answer = call(BodyLimit(inner), "POST", "/x", {"Content-Length": "10"}, [bytes(65536)] * 320)
    assert answer.status == 413
    assert inner.bodies == []


def test_a_body_up_to_the_limit_passes_whole(inner: Inner) -> None:
    answer = call(BodyLimit(inner), "POST", "/x", {}, [b"a" * 65536] * 16)
    assert answer.status == 200
    assert inner.bodies == [b"a" * LIMIT_BYTES]


def test_a_client_that_goes_away_is_told_to_the_application(inner: Inner) -> None:
    call(BodyLimit(inner), "POST", "/x", {}, [b"part", BROKEN_OFF])
    assert inner.ended == "http.disconnect"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "path", ["/", "/nowhere", "/api/v1/uploads", "/api/v1/virtual-images", "/accounts/login/"]
)
@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
def test_twenty_megabytes_without_signing_in_leave_nothing_on_disk(
    path: str, declared: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The whole stack of a web process, with the temporary directory watched."""
    from config.asgi import build

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    spooled: list[object] = []
    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", lambda self: spooled.append(self))
    headers = {"Content-Type": "application/octet-stream", "Tus-Resumable": "1.0.0"}
    headers |= {"Content-Length": str(20 * MIB)} if declared else {}
    answer = call(build(), "POST", path, headers, [b"x" * 65536] * 320)
    assert answer.status in (401, 413)
    assert answer.taken <= 17
    assert (list(tmp_path.iterdir()), spooled) == ([], [])
