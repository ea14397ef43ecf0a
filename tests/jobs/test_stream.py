"""Event streams of a real web process: one watcher for all, nobody holds the database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from django.db import connection

from accounts.actions import issue_token
from accounts.models import User
from audit.actor import Actor
from ground.db import generations
from jobs.actions import cancel_job, start_job
from tests.support.broker import Broker
from tests.support.people import MAKER, person
from tests.support.web import running_web

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]


@pytest.fixture
def web(broker: Broker, site_environment: dict[str, str], tmp_path: Path) -> Iterator[str]:
    with running_web(site_environment, tmp_path / "web.log") as address:
        yield address


def token_of(user: User) -> dict[str, str]:
    _, text = issue_token(actor=MAKER, user=user, name="tests")
    return {"Authorization": f"Bearer {text}"}


class Stream:
    """One open stream, read event by event."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.iter_lines()

    def next(self) -> tuple[str, dict[str, object]]:
        name = ""
        for line in self._lines:
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            if line.startswith("data: ") and name:
                return name, json.loads(line.removeprefix("data: "))
        raise AssertionError("the stream ended")


def opened(stack: ExitStack, web: str, headers: dict[str, str]) -> Stream:
    response = stack.enter_context(httpx.stream("GET", f"{web}/api/v1/stream", headers=headers, timeout=20))
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    stream = Stream(response)
    assert stream.next() == ("hello", {})
    return stream


def test_strangers_get_no_stream(web: str) -> None:
    answer = httpx.get(f"{web}/api/v1/stream")
    assert (answer.status_code, answer.json()["code"]) == (401, "ground.unauthenticated")
    answer = httpx.get(f"{web}/api/v1/stream", headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 401


def test_a_change_reaches_everyone_who_may_see_it_and_nobody_else(web: str) -> None:
    owner, auditor, other = person(), person("auditor"), person()
    with ExitStack() as stack:
        streams = {user.pk: opened(stack, web, token_of(user)) for user in (owner, auditor, other)}
        job = start_job("tests.note", actor=Actor.user(owner), params={})
        for user in (owner, auditor):
            name, data = streams[user.pk].next()
            assert (name, data["id"], data["state"]) == ("job", str(job.id), "queued")
        cancel_job(actor=Actor.user(owner), job=job)
        assert streams[owner.pk].next()[1]["state"] == "cancelled"
        own = start_job("tests.note", actor=Actor.user(other), params={})
        assert streams[other.pk].next()[1]["id"] == str(own.id)


def test_forty_streams_hold_no_database_and_all_hear(web: str) -> None:
    headers = token_of(person("auditor"))
    with ExitStack() as stack:
        streams = [opened(stack, web, headers) for _ in range(40)]
        connection.close()
        with generations.exclusive(timeout=5):
            pass
        job = start_job("tests.note", actor=MAKER, params={})
        assert {str(stream.next()[1]["id"]) for stream in streams} == {str(job.id)}


def test_rest_answers_while_streams_are_open_and_serves_its_description(web: str) -> None:
    headers = token_of(person("auditor"))
    with ExitStack() as stack:
        for _ in range(10):
            opened(stack, web, headers)
        assert httpx.get(f"{web}/api/v1/me", headers=headers).status_code == 200
        schema = httpx.get(f"{web}/api/schema/?format=json").json()
        assert "/api/v1/jobs/{job_id}/cancel" in schema["paths"]
        page = httpx.get(f"{web}/api/docs/")
        assert page.status_code == 200
        assert "'unsafe-inline'" in page.headers["content-security-policy"]
        assert "unsafe" not in httpx.get(f"{web}/accounts/login/").headers["content-security-policy"]
        assert "http://" not in page.text.replace(web, "")
        assert "https://" not in page.text


def test_a_large_body_to_any_address_is_refused_and_leaves_nothing_on_disk(web: str, tmp_path: Path) -> None:
    body = b"x" * (20 << 20)
    for address in ("/api/v1/tokens", "/nothing/here", "/accounts/login/"):
        answer = httpx.post(f"{web}{address}", content=body, timeout=30)
        assert answer.status_code == 413
