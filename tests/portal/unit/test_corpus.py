"""500 hostile texts in every column that a person or another machine can fill: none comes to life in a page,
an answer's headers or a spreadsheet.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from appliance.catalog.models import VirtualImage
from appliance.notices.models import Notice
from audit.csv_export import COLUMNS, inert, rows_as_csv
from audit.models import Chain, Event
from jobs.models import Job
from tests.support.corpus import CORPUS
from tests.support.pages import browser_of, inline_code

LISTS = ("/images/", "/tasks/", "/events/", "/notices/")
ALIVE = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def event(at: int, text: str, chain: Chain) -> Event:
    return Event(
        chain=chain, sequence=at, at=timezone.now(), action=text[:80], outcome="done", actor_kind="user",
        actor_id=text[:80], actor_name=text, subject=text, facts_json=json.dumps({"name": text}),
    )  # fmt: skip


@pytest.fixture
def infested(furnished: dict[str, Any]) -> dict[str, Any]:
    now = timezone.now()
    chain = Chain.objects.create(name="before", started_at=now, origin="imported")
    numbered = list(enumerate(CORPUS))
    Event.objects.bulk_create(event(at, text, chain) for at, text in numbered)
    VirtualImage.objects.bulk_create(
        VirtualImage(
            name=text, description=text, owner_name=text[:150], source="file", state="ready", recipe="f" * 64
        )
        for text in CORPUS
    )
    Job.objects.bulk_create(
        Job(
            kind="backup.run", state="failed", subject=text, actor_kind="user", actor_id="1", actor_name=text,
            refusal={"code": "x", "title": text, "next_step": text}, ended_at=now,
        )
        for text in CORPUS
    )  # fmt: skip
    Notice.objects.bulk_create(
        Notice(event="failure", key=f"k{at}", subject=text, consequence=text, next_step=text)
        for at, text in numbered
    )
    return furnished


def pages(browser: Client, address: str) -> Iterator[Any]:
    """Every page of a list, by its pager."""
    at = address
    while at:
        answer = browser.get(at)
        yield answer
        following = answer.context["table"].next_url
        at = address + following if following else ""


@pytest.mark.django_db
def test_no_text_of_500_comes_to_life_in_a_list(infested: dict[str, Any]) -> None:
    assert len(CORPUS) == 500
    browser = browser_of(infested["people"]["admin"])
    for address in LISTS:
        shown = ""
        for answer in pages(browser, address):
            assert answer.status_code == 200
            assert inline_code(answer) == []
            assert "Set-Cookie: x" not in str(answer.headers)
            shown += answer.content.decode()
        assert [text for text in CORPUS if escape(text) not in shown] == []


def test_no_text_of_500_comes_to_life_in_a_spreadsheet() -> None:
    chain = Chain(name="any", started_at=timezone.now())
    text = "".join(rows_as_csv(event(at, entry, chain) for at, entry in enumerate(CORPUS)))
    _, *rows = list(csv.reader(io.StringIO(text, newline="")))
    assert [cell for row in rows for cell in row if cell.lstrip(" ").startswith(ALIVE)] == []
    assert [row[COLUMNS.index("actor_name")] for row in rows] == [inert(entry) for entry in CORPUS]
