"""Pages and lists stay fast with 100,000 rows of each kind behind them (`make test-long`; prints a table)."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import pytest
from django.test import Client
from rest_framework.test import APIClient

from appliance.backup.models import BackupImage
from appliance.backup.needed import keys_needed
from appliance.recovery.coverage import coverage
from appliance.recovery.finder import find
from appliance.recovery.readiness import readiness
from tests.support import scale
from tests.support.bench import Bench
from tests.support.pages import browser_of
from tests.support.people import client_of, person

ROWS = 100_000
P95_LIMIT = 0.050  # seconds of processor time

pytestmark = [pytest.mark.long, pytest.mark.timeout(7200)]

PAGES = (
    *("/survival/", "/backups/", "/coverage/", "/targets/", "/keys/", "/restore/", "/tasks/", "/events/"),
    *("/images/", "/notices/", "/schedules/", "/-/tray/", "/settings/", "/people/"),
    *("/backups/?state=damaged", "/tasks/?state=failed", "/events/?outcome=refused"),
)
LISTS = (
    *("readiness", "coverage", "coverage/images", "backup-targets", "backup-images", "jobs", "events"),
    *(
        "virtual-images",
        "notices",
        "backup-images?state=damaged",
        "jobs?state=failed",
        "events?outcome=refused",
    ),
)


def fetched(client: Client, address: str) -> None:
    assert client.get(address).status_code == 200, address


def followed(client: APIClient, path: str) -> str:
    """The address of a list's second page."""
    return str(client.get(path).json()["next"])


def page_after(browser: Client, path: str) -> str:
    """The address of a page's next rows, as its pager names it."""
    (found,) = set(re.findall(r'href="(\?[^"]*after=[^"]*)"', browser.get(path).content.decode()))
    return path + html.unescape(found)


def test_pages_and_lists_over_100_000_rows_stay_under_their_limit(
    unit_on_bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = unit_on_bench
    image = bench.back_up(bench.add_target())
    scale.fill_images(image, ROWS)
    scale.fill_jobs(ROWS)
    scale.fill_events(ROWS)
    scale.fill_catalog(ROWS)
    scale.fill_notices(ROWS)
    admin = person("admin")
    client, browser = client_of(admin), browser_of(admin)
    covered = "/api/v1/coverage/images?page_size=50"
    works: dict[str, Callable[[], object]] = {
        "coverage": coverage,
        "readiness": readiness,
        "keys needed": keys_needed,
        "finder, key id": lambda: find(image.key_id, user=admin),
        "finder, header": lambda: find(image.header, user=admin),
        "finder, serial": lambda: find(image.serial, user=admin),
        "images of a key": lambda: client.get(f"{covered}&key_id={image.key_id}"),
        "images of a target": lambda: client.get(f"{covered}&target={image.target_id}"),
    }
    assert coverage().images == ROWS + 1
    assert BackupImage.objects.count() == ROWS + 1
    for address in [f"/api/v1/{name}" for name in LISTS]:
        works[f"GET {address[8:]}"] = lambda at=address: fetched(client, at)  # type: ignore[misc]
    for address in [f"/api/v1/{name}" for name in ("backup-images", "jobs", "events")] + [covered]:
        following = followed(client, address)
        works[f"GET {address[8:]}, second page"] = lambda at=following: fetched(client, at)  # type: ignore[misc]
    for address in (
        *PAGES,
        f"/targets/{image.target_id}/",
        f"/backups/{image.pk}/",
        f"/keys/{image.key_id}/",
    ):
        works[f"page {address[:30]}"] = lambda at=address: fetched(browser, at)  # type: ignore[misc]
    for address in ("/backups/", "/coverage/", "/tasks/", "/events/"):
        following = page_after(browser, address)
        works[f"page {address}, second"] = lambda at=following: fetched(browser, at)  # type: ignore[misc]
    slow: dict[str, float] = {}
    with capsys.disabled():
        print(f"\n{ROWS} rows of each kind, p95 of 20, milliseconds of processor and clock:")
        for name, work in works.items():
            cpu, wall = scale.p95(work)
            print(f"  {name:46} {cpu * 1000:7.1f} {wall * 1000:7.1f}", flush=True)
            slow |= {name: cpu} if cpu > P95_LIMIT else {}
    assert slow == {}
