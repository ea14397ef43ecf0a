"""Restoring onto another unit."""

from __future__ import annotations

from appliance.backup.models import BackupImage, BackupTarget
from appliance.unit.models import Unit
from appliance.unit.selectors import unit
from tests.support.bench import Bench


def test_a_lost_unit_comes_back_bit_for_bit_on_another(unit_on_bench: Bench) -> None:
    bench = unit_on_bench
    image = bench.back_up(bench.add_target())
    values, head = bench.values_in(image), image.head
    bench.put_blank_unit("SR-B-0001")
    target = bench.add_target()
    assert unit().state == Unit.State.BLANK
    bench.install(values, [head])
    found = BackupImage.objects.get(pk=image.pk)
    assert BackupTarget.objects.get(pk=target.pk).freshness == "proven"
    bench.restore(found)
    assert bench.digests() == bench.content
    assert unit().state == Unit.State.MUST_ROTATE
