"""The recovery wizard: where it stands follows from the unit's rows, whoever looks, in whatever browser."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.urls import reverse

from appliance.backup.models import BackupTarget
from appliance.recovery.models import RecoveryReport, Restore, TransferCase
from appliance.unit.models import Unit
from jobs.models import Job
from portal.unit.recovery.steps import NAMES
from tests.support.pages import browser_of, inline_code

pytestmark = pytest.mark.django_db


def _case(state: str) -> TransferCase:
    return TransferCase.objects.create(state=state, request="a.b.c", request_digest=uuid.uuid4().hex)


def _restore(state: str, furnished: dict[str, Any]) -> Restore:
    return Restore.objects.create(
        state=state, image_id=furnished["image"].pk, target_id=furnished["target"].pk
    )


def _blank(_: dict[str, Any]) -> None:
    BackupTarget.objects.update(state="ready")
    Unit.objects.update(state="blank")


def _blank_without_targets(furnished: dict[str, Any]) -> None:
    _blank(furnished)
    furnished["image"].delete()
    BackupTarget.objects.all().delete()


def _target_refused(furnished: dict[str, Any]) -> None:
    _blank(furnished)
    BackupTarget.objects.update(state="refused", problem={"title": "The backup target is not there."})


def _requested(furnished: dict[str, Any]) -> None:
    _blank(furnished)
    _case("requested")


def _keyed(furnished: dict[str, Any]) -> None:
    Unit.objects.update(state="keyed")
    _case("installed")


def _restore_planned(furnished: dict[str, Any]) -> None:
    _keyed(furnished)
    _restore("planned", furnished)


def _restoring(furnished: dict[str, Any]) -> None:
    Unit.objects.update(state="restoring")
    _restore("copying", furnished)


def _must_rotate(furnished: dict[str, Any]) -> None:
    Unit.objects.update(state="must_rotate", outbound_paused=True)
    _restore("done", furnished)


def _in_service(furnished: dict[str, Any]) -> None:
    Unit.objects.update(state="in_service", outbound_paused=True)
    RecoveryReport.objects.create(restore=_restore("done", furnished))


@pytest.mark.parametrize(
    ("scene", "step"),
    [
        (_blank_without_targets, "start"),
        (_target_refused, "target"),
        (_blank, "images"),
        (_requested, "transfer"),
        (_keyed, "preview"),
        (_restore_planned, "restore"),
        (_restoring, "restore"),
        (_must_rotate, "rotate"),
        (_in_service, "finish"),
    ],
)
def test_the_wizard_goes_on_where_the_unit_stands(scene: Any, step: str, furnished: dict[str, Any]) -> None:
    scene(furnished)
    browser = browser_of(furnished["people"]["admin"])
    assert browser.get("/recover/")["Location"] == f"/recover/{step}/"
    for name in NAMES[: NAMES.index(step) + 1]:
        answer = browser.get(f"/recover/{name}/")
        assert answer.status_code == 200
        assert inline_code(answer) == []
    assert [browser.get(f"/recover/{name}/").status_code for name in NAMES[NAMES.index(step) + 3 :]] == [
        302 for _ in NAMES[NAMES.index(step) + 3 :]
    ]


def test_there_is_nothing_to_recover_on_a_unit_that_replaces_none(furnished: dict[str, Any]) -> None:
    answer = browser_of(furnished["people"]["admin"]).get("/recover/")
    assert b"There is nothing to recover here" in answer.content


@pytest.mark.parametrize(("step", "act"), [("rotate", "begin"), ("finish", "backup"), ("finish", "outbound")])
def test_the_acts_of_an_admin_do_not_exist_for_the_recovery_operator(
    step: str, act: str, furnished: dict[str, Any]
) -> None:
    _must_rotate(furnished)
    browser = browser_of(furnished["people"]["recovery-operator"])
    assert browser.post(reverse("unit:recover-act", args=[step, act])).status_code == 404
    assert not Job.objects.filter(kind="keys.rotate").exists()


@pytest.mark.parametrize(("step", "act"), [("start", "format"), ("nowhere", "add"), ("finish", "ask")])
def test_an_act_that_is_none_does_not_exist(step: str, act: str, furnished: dict[str, Any]) -> None:
    _blank(furnished)
    browser = browser_of(furnished["people"]["recovery-operator"])
    assert browser.post(reverse("unit:recover-act", args=[step, act])).status_code == 404


def test_a_target_within_the_unit_is_refused_on_its_step(furnished: dict[str, Any]) -> None:
    _blank(furnished)
    browser = browser_of(furnished["people"]["recovery-operator"])
    answer = browser.post(
        reverse("unit:recover-act", args=["target", "add"]), {"name": "x", "path": "relative"}
    )
    assert answer.status_code == 409
    assert b"target.bad-settings" in answer.content


def test_an_empty_form_is_shown_again_with_its_errors(furnished: dict[str, Any]) -> None:
    _requested(furnished)
    browser = browser_of(furnished["people"]["recovery-operator"])
    answer = browser.post(reverse("unit:recover-act", args=["transfer", "collect"]), {"code": ""})
    assert answer.status_code == 400
    assert b"This field is required" in answer.content


def test_the_request_is_made_by_a_job(furnished: dict[str, Any]) -> None:
    _blank(furnished)
    browser = browser_of(furnished["people"]["recovery-operator"])
    answer = browser.post(reverse("unit:recover-act", args=["request", "ask"]))
    assert answer["Location"] == "/recover/request/"
    assert Job.objects.filter(kind="recovery.request").count() == 1


S3 = {
    "kind": "s3",
    "name": "far",
    "bucket": "backups",
    "access_key_id": "AKIA-one",
    "secret_access_key": "a secret of the store",
}
SFTP = {"kind": "sftp", "name": "near", "host": "backup.example", "user": "unit", "path": "/srv"}
MET = "SHA256:" + "A" * 43


def _act(browser: Any, act: str, given: dict[str, Any]) -> Any:
    return browser.post(reverse("unit:recover-act", args=["target", act]), given)


@pytest.fixture
def operator(furnished: dict[str, Any], spool: None) -> Any:
    _blank(furnished)
    BackupTarget.objects.all().update(state="ready")
    return browser_of(furnished["people"]["recovery-operator"])


@pytest.fixture
def spool(unit: Any) -> None:
    """A key that secrets can be sealed to; nobody opens them here."""
    from sealing.encoding import b64u
    from sealing.hpke import KemPrivateKey

    Unit.objects.update(spool_public_key=b64u(KemPrivateKey.generate().public.raw))


@pytest.mark.parametrize("kind", ["directory", "s3", "sftp"])
def test_every_kind_of_target_has_its_form_and_none_offers_a_copy(kind: str, operator: Any) -> None:
    answer = operator.get(f"/recover/target/?kind={kind}")
    assert f'name="kind" value="{kind}"'.encode() in answer.content
    assert b"Holds a copy of" not in answer.content
    assert inline_code(answer) == []


def test_a_blank_unit_takes_an_s3_store_with_its_credentials_which_are_never_shown(operator: Any) -> None:
    assert _act(operator, "add", S3).status_code == 302
    made = BackupTarget.objects.get(name="far")
    assert (made.kind, made.settings) == ("s3", {"bucket": "backups"})
    assert made.credentials
    assert b"a secret of the store" not in operator.get("/recover/target/").content


def test_an_sftp_server_without_credentials_is_refused_in_words(operator: Any) -> None:
    answer = _act(operator, "add", SFTP)
    assert answer.status_code == 409
    assert b"target.no-credentials" in answer.content
    assert not BackupTarget.objects.filter(name="near").exists()


def test_a_host_key_that_was_met_is_pinned_from_the_wizard(operator: Any) -> None:
    _act(operator, "add", {**SFTP, "password": "p"})
    target = BackupTarget.objects.get(name="near")
    problem = {"code": "target.host-key-unknown", "title": "New.", "facts": {"found": MET}}
    BackupTarget.objects.filter(pk=target.pk).update(state="refused", problem=problem)
    assert MET.encode() in operator.get("/recover/target/").content
    assert _act(operator, "pin", {"target": target.pk, "host_key": MET}).status_code == 302
    target.refresh_from_db()
    assert target.settings["host_key"] == MET


def test_wrong_credentials_are_replaced_where_the_refusal_is_shown(operator: Any) -> None:
    _act(operator, "add", S3)
    target = BackupTarget.objects.get(name="far")
    given = {**S3, "target": target.pk, "secret_access_key": "another"}
    assert _act(operator, "change", given).status_code == 302
    before = target.credentials
    target.refresh_from_db()
    assert target.credentials != before


def test_a_change_that_is_not_filled_in_right_changes_nothing(operator: Any) -> None:
    _act(operator, "add", S3)
    target = BackupTarget.objects.get(name="far")
    answer = _act(operator, "change", {"target": target.pk, "name": "far", "bucket": ""})
    assert answer.status_code == 400
    assert b"Nothing was changed." in answer.content


@pytest.mark.parametrize("act", ["change", "pin"])
def test_once_the_unit_restores_only_an_admin_changes_targets(
    act: str, operator: Any, furnished: dict[str, Any]
) -> None:
    _restoring(furnished)
    given = {"target": furnished["target"].pk, "name": "elsewhere", "path": "/mnt/x", "host_key": MET}
    assert _act(operator, act, given).status_code == 404
    furnished["target"].refresh_from_db()
    assert furnished["target"].name == "shelf"
