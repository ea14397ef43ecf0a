"""REST of the event log."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from tests.support.people import SignedIn

pytestmark = pytest.mark.django_db
ADDRESSES = ["events", "events/head", "events/verify", "events/export"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_strangers_are_asked_to_sign_in(address: str) -> None:
    answer = APIClient().get(f"/api/v1/{address}")
    assert (answer.status_code, answer.json()["code"]) == (401, "ground.unauthenticated")


@pytest.mark.parametrize("address", ADDRESSES)
def test_people_without_the_role_are_refused(signed_in: SignedIn, address: str) -> None:
    answer = signed_in().get(f"/api/v1/{address}")
    assert (answer.status_code, answer.json()["code"]) == (403, "ground.forbidden")


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nobody_writes_events(signed_in: SignedIn, method: str) -> None:
    answer = getattr(signed_in("auditor"), method)("/api/v1/events")
    assert answer.status_code in (403, 405)


def test_an_auditor_reads_filters_verifies_and_exports(signed_in: SignedIn) -> None:
    client = signed_in("auditor")
    page = client.get("/api/v1/events", {"action": "accounts."}).json()
    assert {event["action"].split(".")[0] for event in page["results"]} == {"accounts"}
    assert client.get("/api/v1/events", {"after": "2999-01-01T00:00:00Z"}).json()["results"] == []
    verdict = client.get("/api/v1/events/verify").json()
    assert verdict["ok"] is True
    assert client.get("/api/v1/events/head").json() == verdict["heads"][0]
    export = client.get("/api/v1/events/export")
    assert export["Content-Type"].startswith("text/csv")
    assert export.content.decode().count("\r\n") == verdict["events"] + 1


def test_pages_follow_each_other_without_gap_or_repeat(signed_in: SignedIn) -> None:
    client = signed_in("auditor")
    seen: list[int] = []
    address = "/api/v1/events?page_size=2"
    while address:
        page = client.get(address).json()
        seen += [event["sequence"] for event in page["results"]]
        address = page["next"]
    assert seen == list(range(len(seen), 0, -1))
    assert len(seen) >= 3
