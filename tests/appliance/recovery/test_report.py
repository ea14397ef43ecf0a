"""The evidence that closes a ticket: signed after the first verified new image, sent till the desk has it."""

from __future__ import annotations

import pytest

from appliance.backup.models import BackupImage, BackupTarget
from appliance.recovery.models import RecoveryReport
from appliance.unit.actions import set_desk
from sealing.documents import report as reports
from tests.appliance.keys.desk import TestDesk
from tests.support.bench import ADMIN, Bench


@pytest.fixture
def restored(bench: Bench) -> Bench:
    bench.stage("restored", lambda: lose_and_restore(bench))
    return bench


def lose_and_restore(bench: Bench) -> None:
    bench.put_furnished_unit()
    image = bench.back_up(bench.add_target())
    values = bench.values_in(image)
    bench.put_blank_unit("SR-B-0001")
    bench.add_target()
    bench.install(values, [image.head])
    bench.restore(BackupImage.objects.get())


def test_no_report_before_a_new_image_is_verified(restored: Bench) -> None:
    bench = restored
    assert RecoveryReport.objects.get().state == "due"
    bench.done_all("backup.verify")
    assert bench.verify(BackupImage.objects.get()).state == "done", "the old image is not the evidence"
    bench.rotate()
    bench.back_up(BackupTarget.objects.get(), verify=False)
    assert not bench.waiting("recovery.report").exists()


def test_the_report_names_what_came_back_and_what_protects_now(restored: Bench, desk: TestDesk) -> None:
    bench = restored
    old = BackupImage.objects.get()
    key_id = bench.rotate()
    new = bench.back_up(BackupTarget.objects.get())
    bench.done(bench.waiting("recovery.report").get())
    row = RecoveryReport.objects.get()
    read = reports.read(row.document, bench.maker.trust)
    assert (row.state, read.ticket) == ("signed", row.ticket)
    assert (read.restored.image, read.restored.objects) == (str(old.pk), 2)
    assert (read.new.key_id, read.new.epoch) == (key_id, 2)
    assert read.new.drill is not None
    assert read.first_image == new.header_digest
    set_desk(actor=ADMIN, url="http://127.0.0.1:9")
    for job in bench.waiting("recovery.deliver"):
        assert bench.done(job).result["delivered"] is False
    set_desk(actor=ADMIN, url=desk.url)
    for job in bench.waiting("recovery.deliver"):
        bench.lose(job)
        bench.done(job)
    row.refresh_from_db()
    assert row.state == "delivered"
    assert "POST recovery-reports" in desk.calls


def test_a_second_verified_image_makes_no_second_report(restored: Bench) -> None:
    bench = restored
    bench.rotate()
    target = BackupTarget.objects.get()
    bench.back_up(target)
    bench.done(bench.waiting("recovery.report").get())
    bench.back_up(target)
    assert not bench.waiting("recovery.report").exists()
    assert RecoveryReport.objects.count() == 1
