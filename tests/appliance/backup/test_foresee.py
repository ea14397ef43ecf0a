"""The dry run of a backup: it says what would be sent, and changes nothing on unit or target."""

from __future__ import annotations

import shutil

import pytest

from appliance.backup.actions import start_backup
from appliance.backup.errors import NoActiveKey
from appliance.backup.models import BackupImage, BackupTarget
from appliance.backup.targets.directory import DirectoryTarget
from appliance.unit.models import Unit
from jobs.models import Job
from tests.support.bench import ADMIN, Bench, noise, objects_on
from tests.support.people import client_of, person


def foreseen(bench: Bench, target: BackupTarget) -> Job:
    return bench.work(start_backup(target, actor=ADMIN, dry_run=True))


def test_what_is_foreseen_is_what_is_sent_but_the_database(unit_on_bench: Bench) -> None:
    target = unit_on_bench.add_target()
    before = objects_on(unit_on_bench.path_of(target))
    said = foreseen(unit_on_bench, target).result
    assert objects_on(unit_on_bench.path_of(target)) == before
    assert BackupImage.objects.count() == 0
    assert (said["virtual_images"], said["there_packs"], said["fits"]) == (2, 0, True)
    image = unit_on_bench.back_up(target)
    assert 0 < said["new_bytes"] < image.new_bytes
    assert said["new_packs"] == image.pack_count - 1

    after = foreseen(unit_on_bench, target).result
    assert (after["new_packs"], after["new_bytes"]) == (0, 0)
    assert (after["there_packs"], after["there_bytes"]) == (said["new_packs"], said["new_bytes"])
    unit_on_bench.add_image("third", noise(9))
    more = foreseen(unit_on_bench, target).result
    assert more["there_bytes"] == said["new_bytes"]
    assert len(noise(9)) < more["new_bytes"] < len(noise(9)) + (64 << 10)  # padded to a step


def test_more_than_is_free_is_said(unit_on_bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    target = unit_on_bench.add_target()
    monkeypatch.setattr(DirectoryTarget, "free_bytes", lambda _: 1000)
    said = foreseen(unit_on_bench, target).result
    assert (said["free_bytes"], said["fits"]) == (1000, False)


def test_a_unit_without_a_key_foresees_nothing(bench: Bench) -> None:
    bench.put_blank_unit("SR-A-0001")
    bench.keys.enrol(bench.maker.enrol(bench.keys.status()))
    bench.sync()
    Unit.objects.update(state=Unit.State.IN_SERVICE)
    target = bench.add_target()
    with pytest.raises(NoActiveKey):
        start_backup(target, actor=ADMIN, dry_run=True)


def test_a_target_that_is_gone_refuses(unit_on_bench: Bench) -> None:
    target = unit_on_bench.add_target()
    shutil.rmtree(unit_on_bench.path_of(target))
    job = foreseen(unit_on_bench, target)
    assert (job.state, job.refusal["code"]) == ("failed", "target.absent")


def test_by_rest_a_dry_run_makes_no_image(unit_on_bench: Bench) -> None:
    target = unit_on_bench.add_target()
    body = {"target": str(target.pk), "dry_run": True}
    answer = client_of(person("admin")).post("/api/v1/backup-images", body, format="json")
    assert answer.status_code == 202
    job = Job.objects.get(pk=answer.json()["id"])
    assert (job.kind, unit_on_bench.work(job).state) == ("backup.foresee", "done")
    assert BackupImage.objects.count() == 0
