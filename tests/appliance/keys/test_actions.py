"""What people do with keys: actions and REST write rows and start jobs, which real processes carry out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.test import APIClient

from appliance.keys import tasks  # noqa: F401  # registers the handlers
from appliance.keys.actions import (
    download_value,
    prove_download,
    start_drill,
    start_rotation,
    waive_drill,
)
from appliance.keys.errors import DigestDiffers
from appliance.keys.models import KeyEpoch, LodgedValue
from appliance.keys.refusals import AlreadyWaived, NothingPending, NoValue
from appliance.keys.selectors import active_epoch, may_seal, pending_epoch
from appliance.unit.actions import declare_tampered, first_installation, refresh_authority_list, set_desk
from appliance.unit.errors import WrongState
from appliance.unit.models import Unit
from appliance.unit.selectors import unit
from audit.actor import Actor
from ground.refusals import Missing
from jobs.models import Job
from jobs.runner import run_job
from sealing.jose import digest
from tests.appliance.keys.desk import TestDesk
from tests.appliance.keys.maker import Maker
from tests.appliance.keys.running import RunningKeys
from tests.support.people import sign_in

pytestmark = pytest.mark.django_db(transaction=True)
ADA, BEN = Actor("user", "1", "ada"), Actor("user", "2", "ben")
NONE = "0" * 32


def work() -> list[Job]:
    """Run every job that waits, through the real runner; the jobs as they ended."""
    due = Job.objects.filter(state="queued", due_at__lte=timezone.now())
    waiting = list(due.order_by("created_at").values_list("pk", flat=True))
    for job_id in waiting:
        run_job(job_id)
    return list(Job.objects.filter(pk__in=waiting).order_by("created_at"))


def work_now() -> list[Job]:
    """As `work`, with every waiting job due."""
    Job.objects.filter(state="queued").update(due_at=timezone.now())
    return work()


def assert_a_drill_is_due_later() -> None:
    (waiting,) = Job.objects.filter(state="queued")
    assert (waiting.kind, waiting.params["purpose"]) == ("keys.drill", "scheduled")
    assert waiting.due_at > timezone.now()


def outcome(job: Job) -> tuple[str, str]:
    return job.state, str(job.refusal.get("code", ""))


def test_a_blank_unit_makes_no_key(site_keys: RunningKeys) -> None:
    with pytest.raises(WrongState):
        start_rotation(actor=ADA, reason="first")
    assert not may_seal()


def test_actions_on_keys_that_are_not_there_are_refused(in_service: RunningKeys) -> None:
    for call in (
        lambda: waive_drill(actor=ADA, key_id=NONE, why="x"),
        lambda: download_value(actor=ADA, key_id=NONE),
        lambda: prove_download(actor=ADA, key_id=NONE, digest="x"),
        lambda: start_drill(actor=ADA, key_id=NONE),
    ):
        with pytest.raises(Missing):
            call()
    with pytest.raises(NoValue):
        start_drill(actor=ADA)


def test_the_first_installation_asks_the_desk_and_puts_the_unit_into_service(
    site_keys: RunningKeys, desk: TestDesk, maker: Maker
) -> None:
    set_desk(actor=ADA, url=desk.url)
    status = site_keys.keys.status()
    desk.enrolments[status.certificate_thumbprint] = maker.enrol(status)
    first_installation(actor=ADA)
    (job,) = work()
    assert outcome(job) == ("done", "")
    row = unit()
    assert (row.state, row.customer_name) == (Unit.State.IN_SERVICE, "Harbour Authority")


def test_an_enrolment_that_does_not_hold_leaves_the_unit_blank(site_keys: RunningKeys, maker: Maker) -> None:
    first_installation(actor=ADA, enrolment=maker.enrol(site_keys.keys.status(), signer=maker.custody_signer))
    (job,) = work()
    assert outcome(job) == ("failed", "keys.document-refused")
    assert unit().state == Unit.State.BLANK


def test_a_rotation_by_its_job_makes_a_drilled_key(in_service: RunningKeys) -> None:
    start_rotation(actor=ADA, reason="first")
    (job,) = work()
    assert outcome(job) == ("done", "")
    key = active_epoch()
    assert key is not None
    assert (job.result["key_id"], key.proof_how, may_seal()) == (key.key_id, "drilled", True)
    assert "Custody proved" in " ".join(line.text for line in job.lines.all())


def test_a_rotation_without_a_desk_is_finished_by_hand(in_service: RunningKeys) -> None:
    """No network at all: download, give the digest back, waive."""
    set_desk(actor=ADA, url="")
    start_rotation(actor=ADA, reason="first")
    (job,) = work()
    assert outcome(job) == ("failed", "unit.desk-not-set")
    key = pending_epoch()
    assert key is not None
    text = download_value(actor=ADA, key_id=key.key_id)
    with pytest.raises(DigestDiffers):
        prove_download(actor=ADA, key_id=key.key_id, digest=digest("a.b.c"))
    prove_download(actor=ADA, key_id=key.key_id, digest=digest(text.strip()))
    assert [outcome(job) for job in work()] == [("failed", "unit.desk-not-set")]
    waivers = waive_drill(actor=ADA, key_id=key.key_id, why="no network here")
    assert (waivers.needed, waivers.enough) == (1, True)
    assert [outcome(job) for job in work()] == [("done", "")]
    active = active_epoch()
    assert active is not None
    assert (active.key_id, active.proof_how, active.downloaded) == (key.key_id, "waived", True)
    assert LodgedValue.objects.get().downloaded_by == "ada"


def test_a_later_key_takes_two_different_admins_to_waive(in_service: RunningKeys, desk: TestDesk) -> None:
    start_rotation(actor=ADA, reason="first")
    work()
    desk.replace("GET drills", lambda _body: (503, {}))
    start_rotation(actor=ADA, reason="second")
    work()
    key = pending_epoch()
    assert key is not None
    assert not waive_drill(actor=ADA, key_id=key.key_id, why="closed").enough
    with pytest.raises(AlreadyWaived):
        waive_drill(actor=ADA, key_id=key.key_id, why="closed")
    assert work() == []
    assert waive_drill(actor=BEN, key_id=key.key_id, why="I agree").enough
    assert [outcome(job) for job in work()] == [("done", "")]
    active = active_epoch()
    assert active is not None
    assert (active.epoch, active.proof_by, active.is_amber) == (2, ["ada", "ben"], True)
    with pytest.raises(NothingPending):
        waive_drill(actor=ADA, key_id=key.key_id, why="again")
    assert_a_drill_is_due_later()
    assert [outcome(job) for job in work_now()] == [("failed", "unit.desk-unreachable")]
    assert_a_drill_is_due_later()
    desk.restore()
    assert [outcome(job) for job in work_now()] == [("done", "")]
    active.refresh_from_db()
    assert (active.proof_how, active.is_amber) == ("drilled", False)


def test_a_drill_of_the_active_key_that_fails_says_so_and_keeps_the_key(
    in_service: RunningKeys, desk: TestDesk
) -> None:
    start_rotation(actor=ADA, reason="first")
    work()
    desk.replace("GET drills", desk.prove_wrongly)
    start_drill(actor=ADA)
    assert [outcome(job) for job in work()] == [("failed", "keys.drill-failed")]
    key = active_epoch()
    assert key is not None
    assert key.drills.filter(state="failed").exists()


def test_the_authority_list_is_fetched_and_an_older_one_refused(
    in_service: RunningKeys, maker: Maker
) -> None:
    old = maker.authorities
    maker.use_list(maker.make_authorities(version=3))
    refresh_authority_list(actor=ADA)
    refresh_authority_list(actor=ADA, text=old)
    assert [outcome(job) for job in work()] == [("done", ""), ("failed", "keys.authority-list-older")]
    row = unit()
    assert row.authority_list_version == 3
    assert row.authority_list_seen_at is not None
    assert row.authority_list_seen_at <= timezone.now()


def test_a_tampered_unit_is_one_in_every_place(in_service: RunningKeys) -> None:
    start_rotation(actor=ADA, reason="first")
    work()
    declare_tampered(actor=ADA, why="the lid was open")
    assert [outcome(job) for job in work()] == [("done", "")]
    assert unit().state == Unit.State.TAMPERED
    assert in_service.keys.status().state == "tampered"
    assert not may_seal()
    with pytest.raises(WrongState):
        start_rotation(actor=ADA, reason="again")


def test_a_job_without_a_key_process_fails_in_words_and_loses_nothing(in_service: RunningKeys) -> None:
    start_rotation(actor=ADA, reason="first")
    in_service.kill()
    assert [outcome(job) for job in work()] == [("failed", "keys.process-unreachable")]
    in_service.start()
    start_rotation(actor=ADA, reason="first")
    assert [outcome(job) for job in work()] == [("done", "")]


# REST -------------------------------------------------------------------------------------------------------

PATHS = [
    ("get", "keys", ("admin", "auditor", "recovery-operator")),
    ("get", f"keys/{NONE}", ("admin", "auditor", "recovery-operator")),
    ("post", "keys/rotate", ("admin",)),
    ("post", f"keys/{NONE}/value", ("admin",)),
    ("post", f"keys/{NONE}/held", ("admin",)),
    ("post", f"keys/{NONE}/drill", ("admin",)),
    ("post", f"keys/{NONE}/waiver", ("admin",)),
]
ROLES = ("admin", "auditor", "member", "recovery-operator")


def call(client: APIClient, method: str, path: str, body: Any = None) -> Any:
    return getattr(client, method)(f"/api/v1/{path}", body or {}, format="json")


@pytest.mark.parametrize(("method", "path", "_roles"), PATHS)
def test_a_stranger_gets_nothing(method: str, path: str, _roles: Any) -> None:
    assert call(APIClient(), method, path).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "role"), [(m, p, r) for m, p, allowed in PATHS for r in ROLES if r not in allowed]
)
def test_other_roles_are_forbidden(method: str, path: str, role: str) -> None:
    assert call(sign_in(role), method, path).status_code == 403


def test_the_whole_way_of_a_key_by_rest(in_service: RunningKeys) -> None:
    client = sign_in("admin")
    answer = call(client, "post", "keys/rotate", {"reason": "first", "kind": "hybrid"})
    assert answer.status_code == 202
    assert [outcome(job) for job in work()] == [("done", "")]
    (key,) = call(client, "get", "keys").json()["results"]
    assert (key["state"], key["kind"], key["proof_how"]) == ("active", "hybrid", "drilled")
    detail = call(client, "get", f"keys/{key['key_id']}").json()
    assert [value["is_lodged"] for value in detail["values"]] == [True]
    assert [item["new"] for item in detail["transitions"]] == ["active", "pre-activation"]
    text = call(client, "post", f"keys/{key['key_id']}/value").json()["values"]
    assert text == list(in_service.keys.values(key["key_id"]))
    held = call(client, "post", f"keys/{key['key_id']}/held", {"digest": digest(text[0])})
    drilled = call(client, "post", f"keys/{key['key_id']}/drill")
    assert (held.status_code, drilled.status_code) == (202, 202)
    assert {outcome(job) for job in work()} == {("done", "")}
    assert KeyEpoch.objects.get().downloaded
    waived = call(client, "post", f"keys/{key['key_id']}/waiver", {"why": "too late"})
    assert (waived.status_code, waived.json()["code"]) == (409, "keys.nothing-pending")


@pytest.mark.parametrize("body", [{"kind": "fixed"}, {"reason": "x" * 201}, {"kind": None}])
def test_a_rotation_of_no_known_shape_is_refused(in_service: RunningKeys, body: dict[str, Any]) -> None:
    assert call(sign_in("admin"), "post", "keys/rotate", body).status_code == 422
    assert Job.objects.count() == 0


# the factory command
# ------------------------------------------------------------------------------------------


@pytest.fixture
def at_site(running: RunningKeys, monkeypatch: pytest.MonkeyPatch) -> RunningKeys:
    """The factory command finds this key process."""
    monkeypatch.setattr(
        "appliance.keys.management.commands.factory_init.KeyProcess", lambda *_args, **_options: running.keys
    )
    return running


def test_the_factory_command_makes_a_blank_unit_and_then_one_in_service(
    at_site: RunningKeys, maker: Maker, tmp_path: Path
) -> None:
    request, bundle, enrolment = (tmp_path / name for name in ("request.json", "bundle.json", "enrolment"))
    call_command("factory_init", "--serial", "78-T0001", "--model", "SR-200", "--request", str(request))
    bundle.write_text(json.dumps(maker.sign_device(json.loads(request.read_text()))))
    call_command("factory_init", "--bundle", str(bundle))
    assert (unit().state, unit().serial) == ("blank", "78-T0001")
    enrolment.write_text(maker.enrol(at_site.keys.status()) + "\n")
    call_command("factory_init", "--bundle", str(bundle), "--enrolment", str(enrolment))
    assert (unit().state, unit().customer_name) == ("in_service", "Harbour Authority")


def test_the_factory_command_refuses_in_words(at_site: RunningKeys, maker: Maker, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("[]")
    other = tmp_path / "other.json"
    request = at_site.keys.factory_begin(serial="78-T0001", model="SR-200")
    other.write_text(json.dumps({**maker.sign_device(request), "serial": "78-OTHER"}))
    for arguments, said in (
        ([], "either --request"),
        (["--request", str(bad), "--bundle", str(bad)], "either --request"),
        (["--request", str(tmp_path / "r")], "--serial"),
        (["--bundle", str(tmp_path / "absent")], "not readable"),
        (["--bundle", str(bad)], "not a bundle"),
        (["--bundle", str(other)], "keys.other-unit"),
        (["--site", str(tmp_path), "--bundle", str(bad)], "STRONGROOM_SITE_DIR"),
    ):
        with pytest.raises(CommandError, match=said):
            call_command("factory_init", *arguments)
    assert Unit.objects.count() == 0
