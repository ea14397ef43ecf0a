"""A site that answers from a table, and a command run against it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli import client as client_module
from cli import main as main_module

Answer = tuple[int, Any] | Callable[[httpx.Request], httpx.Response]


class FakeSite:
    """Answers by "METHOD path"; keeps what it was asked. A list of answers is given one by one."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.get(f"{request.method} {request.url.path}", (404, {"title": "Not there"}))
        while isinstance(answer, list):
            answer = answer.pop(0)
        if callable(answer):
            made: httpx.Response = answer(request)
            return made
        status, body = answer
        return httpx.Response(status, json=body)

    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.asked if request.content]


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeSite:
    fake = FakeSite()
    real = httpx.Client

    def opened(**options: Any) -> httpx.Client:
        return real(**options, transport=httpx.MockTransport(fake))

    monkeypatch.setattr(httpx, "Client", opened)
    monkeypatch.setenv("STRONGROOM_CONFIG", str(tmp_path / "config" / "sites.json"))
    monkeypatch.setenv("STRONGROOM_URL", "http://unit.test")
    monkeypatch.setenv("STRONGROOM_TOKEN", "token-1")
    monkeypatch.setattr(client_module, "POLL_FIRST", 0.001)
    return fake


@pytest.fixture
def strongroom() -> Callable[..., int]:
    def run(*words: str) -> int:
        return main_module.main(list(words))

    return run
