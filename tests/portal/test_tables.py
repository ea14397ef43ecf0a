"""Tables: server-side sorting, filtering and cursor paging, with the state in the URL."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.test import RequestFactory

from accounts.models import User
from portal.shell.tables import Table

pytestmark = pytest.mark.django_db


def _table(address: str, **options: Any) -> Table:
    defaults: dict[str, Any] = {
        "sorts": {"name": "username", "seen": "last_login"},
        "default": "name",
        "search": ("username", "email"),
        "page_rows": 3,
    }
    return Table(RequestFactory().get(address), User.objects.all(), **defaults | options)


def _walk(address: str) -> list[str]:
    names: list[str] = []
    while address:
        table = _table(f"/{address}" if address.startswith("?") else address)
        names += [user.username for user in table.rows]
        address = table.next_url
    return names


@pytest.fixture
def people() -> list[str]:
    for number in range(8):
        User.objects.create(username=f"person-{number}", email="x@a.example")
    User.objects.filter(username__in=["person-2", "person-5"]).update(
        last_login="2026-01-02T03:04:05.678901Z"
    )
    return [f"person-{number}" for number in range(8)]


def test_a_cursor_of_another_table_starts_from_the_top(people: list[str]) -> None:
    forged = base64.urlsafe_b64encode(json.dumps(["x", "not-a-uuid"]).encode()).decode()
    assert [user.username for user in _table(f"/?after={forged}").rows] == people[:3]


@pytest.mark.parametrize("junk", ["!!!", "e30", "W10", "bnVsbA", "x" * 5000])
def test_a_cursor_that_is_none_starts_from_the_top(people: list[str], junk: str) -> None:
    assert [user.username for user in _table(f"/?after={junk}").rows] == people[:3]


def test_an_unknown_sort_falls_back_to_the_default(people: list[str]) -> None:
    assert [user.username for user in _table("/?sort=password").rows] == people[:3]


def test_pages_follow_each_other_without_gap_or_repeat(people: list[str]) -> None:
    assert _walk("/") == people


def test_pages_follow_each_other_backwards(people: list[str]) -> None:
    assert _walk("/?sort=-name") == people[::-1]


@pytest.mark.parametrize("sort", ["seen", "-seen"])
def test_rows_without_a_value_come_last_and_once(people: list[str], sort: str) -> None:
    walked = _walk(f"/?sort={sort}")
    assert sorted(walked) == people
    assert set(walked[:2]) == {"person-2", "person-5"}


def test_a_filter_is_kept_from_page_to_page(people: list[str]) -> None:
    table = _table("/?q=a.example")
    assert table.filtered
    assert parse_qs(table.next_url[1:])["q"] == ["a.example"]


def test_a_click_on_a_head_turns_the_order_around(people: list[str]) -> None:
    assert _table("/?sort=name").head("name") == {"url": "?sort=-name", "direction": "ascending"}


def test_a_list_is_filtered_and_paged_alike() -> None:
    rows = [{"name": f"n{number}"} for number in range(5)]
    table = Table(
        RequestFactory().get("/?q=n&sort=-name"), rows, sorts={"name": "name"}, search=("name",), page_rows=2
    )
    assert [row["name"] for row in table.rows] == ["n4", "n3"]
    assert table.next_url
