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
from portal.unit.views.recover import NAMES
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
