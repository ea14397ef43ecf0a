"""Schedules by REST: refusals by code, roles, previews with daylight saving, the life of one schedule."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from appliance.backup.models import BackupTarget
from appliance.schedules.engine import due
from appliance.schedules.models import BackupSchedule, Occurrence
from audit.models import Event
from tests.support.clock import Clock
from tests.support.people import SignedIn
from tests.support.small_unit import make_target, make_unit

pytestmark = pytest.mark.django_db
ALL = "/api/v1/backup-schedules"
NIGHTLY = {"every": "day", "at": "02:30"}


def body(target: BackupTarget, **changed: Any) -> dict[str, Any]:
    return {"name": "nightly", "target": str(target.pk), "rule": NIGHTLY, "zone": "Europe/Vienna", **changed}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"rule": {"every": "month", "day": 30, "months": [2], "at": "02:30"}}, "schedules.never-fires"),
        ({"rule": {"every": "day", "at": "25:00"}}, "schedules.bad-rule"),
        ({"rule": "daily"}, "schedules.bad-rule"),
        ({"zone": "Mars/Olympus"}, "schedules.unknown-zone"),
        ({"name": "two\u2028lines"}, "schedules.bad-schedule"),
        ({"target": str(uuid.uuid4())}, "ground.missing"),
        ({"task": "sing"}, "ground.invalid"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_by_code(
    signed_in: SignedIn, target: BackupTarget, changed: dict[str, Any], code: str
) -> None:
    answer = signed_in("admin").post(ALL, {**body(target), **changed})
    assert answer.json()["code"] == code
    assert not BackupSchedule.objects.exists()


def test_a_name_is_taken_once(signed_in: SignedIn, target: BackupTarget) -> None:
    admin = signed_in("admin")
    assert admin.post(ALL, body(target)).status_code == 201
    again = admin.post(ALL, body(target))
    assert (again.status_code, again.json()["code"]) == (409, "schedules.name-taken")
    other = admin.post(ALL, body(target, name="other"))
    read = admin.get(other["Location"])
    renamed = admin.patch(other["Location"], {"name": "nightly"}, HTTP_IF_MATCH=read["ETag"])
    assert renamed.json()["code"] == "schedules.name-taken"


@pytest.mark.parametrize(("role", "reads", "writes"), [("auditor", 200, 403), ("member", 403, 403)])
def test_only_an_admin_changes_schedules(
    signed_in: SignedIn, target: BackupTarget, role: str, reads: int, writes: int
) -> None:
    made = signed_in("admin").post(ALL, body(target)).json()
    one = f"{ALL}/{made['id']}"
    client = signed_in(role)
    assert [client.get(url).status_code for url in (ALL, one, f"{one}/occurrences")] == [reads] * 3
    calls = [
        client.post(ALL, body(target, name="x")),
        client.patch(one, {"name": "x"}, HTTP_IF_MATCH="*"),
        client.post(f"{one}/pause", {}),
        client.post(f"{one}/resume"),
        client.delete(one),
    ]
    assert [answer.status_code for answer in calls] == [writes] * 5


def test_an_edit_needs_the_version_that_was_read(signed_in: SignedIn, target: BackupTarget) -> None:
    admin = signed_in("admin")
    one = admin.post(ALL, body(target))["Location"]
    assert admin.patch(one, {"name": "x"}).json()["code"] == "ground.precondition-missing"
    assert admin.patch(one, {"name": "x"}, HTTP_IF_MATCH='"old"').json()["code"] == "ground.stale"


def test_a_preview_shows_the_next_runs_and_what_the_clock_does_to_them(
    signed_in: SignedIn, clock: Clock
) -> None:
    clock.at("2027-10-29T12:00")
    answer = signed_in("auditor").post(
        f"{ALL}/preview", {"rule": NIGHTLY, "zone": "Europe/Vienna", "count": 3}
    )
    shown = answer.json()
    assert shown["text"] == "every day at 02:30 (Europe/Vienna)"
    assert [run["local"] for run in shown["runs"]] == [
        *["2027-10-30T02:30:00+02:00", "2027-10-31T02:30:00+02:00", "2027-11-01T02:30:00+01:00"],
    ]
    assert [run["note"] for run in shown["runs"]] == ["", "first-of-two", ""]
    assert shown["clock_changes"][0]["text"] == "On 31 October 2027 at 03:00 the clock is put back to 02:00."


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"rule": {"every": "week", "on": [], "at": "02:30"}}, "schedules.never-fires"),
        ({"rule": {}}, "schedules.bad-rule"),
        ({"rule": NIGHTLY, "zone": "x"}, "schedules.unknown-zone"),
        ({"rule": NIGHTLY, "count": 51}, "ground.invalid"),
    ],
)
def test_a_preview_of_nonsense_is_refused(signed_in: SignedIn, given: dict[str, Any], code: str) -> None:
    assert signed_in("admin").post(f"{ALL}/preview", given).json()["code"] == code


def test_the_life_of_a_schedule(signed_in: SignedIn, target: BackupTarget, clock: Clock) -> None:
    admin = signed_in("admin")
    added = admin.post(ALL, body(target))
    one, made = added["Location"], added.json()
    assert made["next_due_at"] == "2027-06-02T00:30:00Z"
    assert len(made["next_runs"]) == 5
    assert made["rule_text"] == "every day at 02:30 (Europe/Vienna)"
    assert made["last"] is None

    tag = admin.get(one)["ETag"]
    edited = admin.patch(one, {"rule": {"every": "hour", "minute": 15}, "zone": "UTC"}, HTTP_IF_MATCH=tag)
    assert edited.json()["next_due_at"] == "2027-06-01T12:15:00Z"

    paused = admin.post(f"{one}/pause", {"why": "disk exchanged"}).json()
    assert (paused["enabled"], paused["paused_why"], paused["next_runs"]) == (False, "disk exchanged", [])
    clock.at("2027-06-01T14:10")
    resumed = admin.post(f"{one}/resume").json()
    assert (resumed["enabled"], resumed["next_due_at"]) == (True, "2027-06-01T14:15:00Z")

    clock.at("2027-06-01T14:15")
    due.look()
    (run,) = admin.get(f"{one}/occurrences").json()["results"]
    assert (run["state"], run["due_at"], run["late"]) == ("started", "2027-06-01T14:15:00Z", False)
    assert admin.get(one).json()["last"]["id"] == run["id"]
    assert admin.get(ALL).json()["results"][0]["id"] == made["id"]

    assert admin.delete(one).status_code == 204
    assert admin.get(one).status_code == 404
    assert not Occurrence.objects.exists()
    actions = Event.objects.filter(action__startswith="schedules.").order_by("sequence")
    assert list(actions.values_list("action", flat=True)) == [
        *["schedules.added", "schedules.edited", "schedules.paused", "schedules.resumed"],
        *["schedules.started", "schedules.removed"],
    ]


def test_the_same_key_adds_a_schedule_once(signed_in: SignedIn) -> None:
    make_unit()
    target = make_target()
    admin, key = signed_in("admin"), str(uuid.uuid4())
    answers = [admin.post(ALL, body(target), HTTP_IDEMPOTENCY_KEY=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert BackupSchedule.objects.count() == 1


@pytest.mark.parametrize("name", ["", " ", "x" * 101])
def test_an_edit_takes_no_name_that_is_none(signed_in: SignedIn, target: BackupTarget, name: str) -> None:
    admin = signed_in("admin")
    one = admin.post(ALL, body(target))["Location"]
    assert admin.patch(one, {"name": name}, HTTP_IF_MATCH="*").status_code == 422
