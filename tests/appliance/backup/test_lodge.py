"""Lodging the newest head at the desk; a desk that is away is no failure."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.backup.models import BackupImage
from appliance.unit.actions import set_desk
from jobs.models import Job
from sealing.documents import head as heads
from sealing.documents import receipt as receipts
from tests.appliance.keys.desk import TestDesk
from tests.support.bench import ADMIN, Bench


@pytest.fixture
def image(unit_on_bench: Bench) -> BackupImage:
    return unit_on_bench.back_up(unit_on_bench.add_target())


def receipt_for(bench: Bench, text: str, **changes: Any) -> str:
    head = heads.read(text, bench.maker.trust)
    claims = receipts.LodgingReceipt(
        id="77777777-7777-4777-8777-777777777777",
        lodged="head",
        document=changes.get("document", head.digest),
        serial=head.serial,
        customer=head.customer,
        appliance=head.appliance,
        iat=head.iat,
    )
    return receipts.issue(claims, bench.maker.desk_signer)


def test_a_desk_that_is_away_is_asked_again_later(unit_on_bench: Bench, image: BackupImage) -> None:
    set_desk(actor=ADMIN, url="http://127.0.0.1:9")
    first = unit_on_bench.done(unit_on_bench.waiting("backup.lodge_head").get())
    assert first.result["lodged"] is False
    again = unit_on_bench.waiting("backup.lodge_head").get()
    assert again.due_at > first.created_at
    assert again.params["turn"] == 1
    assert BackupImage.objects.get().head_lodged_at is None


def test_a_receipt_for_another_document_is_not_believed(
    unit_on_bench: Bench, image: BackupImage, desk: TestDesk
) -> None:
    set_desk(actor=ADMIN, url=desk.url)
    other = heads.digest(image.header)
    desk.replace(
        "POST heads",
        lambda body: (201, {"receipt": receipt_for(unit_on_bench, body["head"], document=other)}),
    )
    job = unit_on_bench.work(unit_on_bench.waiting("backup.lodge_head").get())
    assert job.refusal["code"] == "backup.receipt-refused"
    assert BackupImage.objects.get().head_lodged_at is None


def test_a_head_is_lodged_once_against_a_signed_receipt(
    unit_on_bench: Bench, image: BackupImage, desk: TestDesk
) -> None:
    set_desk(actor=ADMIN, url=desk.url)
    desk.replace("POST heads", lambda body: (201, {"receipt": receipt_for(unit_on_bench, body["head"])}))
    unit_on_bench.done(unit_on_bench.waiting("backup.lodge_head").get())
    assert BackupImage.objects.get().head_lodged_at is not None
    assert [call for call in desk.calls if call == "POST heads"] == ["POST heads"]
    assert not Job.objects.filter(kind="backup.lodge_head", state="queued").exists()


def test_without_a_desk_the_head_stays_on_the_target(unit_on_bench: Bench, image: BackupImage) -> None:
    job = unit_on_bench.done(unit_on_bench.waiting("backup.lodge_head").get())
    assert job.result == {"lodged": False, "why": "no desk is set"}


def test_an_older_head_is_not_worth_lodging(unit_on_bench: Bench, image: BackupImage, desk: TestDesk) -> None:
    set_desk(actor=ADMIN, url=desk.url)
    unit_on_bench.back_up(image.target)
    older = unit_on_bench.waiting("backup.lodge_head").first()
    assert older is not None
    assert unit_on_bench.done(older).result["lodged"] is False
    assert "POST heads" not in desk.calls
