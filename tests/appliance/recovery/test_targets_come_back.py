"""Targets travel in an image: their credentials open on the unit that restores, and lie in clear nowhere."""

from __future__ import annotations

import json

from django.apps import apps

from appliance.backup.actions.add_target import add_target
from appliance.backup.credentials import FIELD
from appliance.backup.engine.dump import dump_lines, read_snapshot
from appliance.backup.models import BackupImage, BackupTarget
from appliance.keys.engine.secrets import Opener
from ground.db.portable import declarations
from sealing.encoding import b64u
from tests.support.bench import ADMIN, Bench

CREDENTIALS = {"password": "canary-that-comes-back"}
PLACE = {"host": "store.example", "user": "unit", "path": "/r", "host_key": "SHA256:" + "A" * 43}


def test_credentials_come_back_sealed_to_the_new_unit_and_its_own_targets_stay(unit_on_bench: Bench) -> None:
    bench = unit_on_bench
    disk = bench.add_target()
    far = add_target(
        actor=ADMIN, name="far", kind="sftp", settings=PLACE, credentials=CREDENTIALS, bandwidth=1 << 20
    )
    damaged = add_target(actor=ADMIN, name="new disk", kind="sftp", settings=PLACE, credentials=CREDENTIALS)
    BackupTarget.objects.filter(pk=damaged.pk).update(credentials=far.credentials)  # moved: it opens nowhere
    image = bench.back_up(disk)
    with read_snapshot():
        stream = b"".join(dump_lines(serial="SR-1"))
    opened = b64u(json.dumps(CREDENTIALS, sort_keys=True).encode())
    assert stream.count(opened.encode()) == 1, "opened inside the stream, which is sealed as it is made"
    values, head = bench.values_in(image), image.head
    bench.put_blank_unit("SR-B-0001")
    connected = add_target(
        actor=ADMIN, name="new disk", kind="directory", settings={"path": str(bench.targets / "disk")}
    )
    bench.done(bench.waiting("backup.survey").get())
    bench.install(values, [head])
    bench.restore(BackupImage.objects.select_related("target").get())
    rows = {row.name: row for row in BackupTarget.objects.all()}
    assert set(rows) == {"far", "new disk", "new disk (restored)"}
    assert rows["new disk"].pk == connected.pk, "the unit's own row stands for the repository both lead to"
    back = rows["far"]
    assert (back.pk, back.settings, back.bandwidth, back.state) == (far.pk, PLACE, 1 << 20, "new")
    assert back.credentials != far.credentials
    assert json.loads(Opener().open(FIELD, back.pk, back.credentials)) == CREDENTIALS
    assert rows["new disk (restored)"].credentials == ""
    everything = repr([list(model._base_manager.values_list()) for model in apps.get_models()])
    assert CREDENTIALS["password"] not in everything
    assert opened not in everything


def test_every_sealed_field_is_declared_with_the_field_it_is_sealed_for() -> None:
    sealed = {f"{label}.{name}" for label, entry in declarations().items() for name in entry.sealed}
    assert FIELD in sealed
