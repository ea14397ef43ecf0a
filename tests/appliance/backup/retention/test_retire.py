"""Retiring a key: refused while an image needs it, whoever says otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from appliance.backup.actions import retire_key, set_retention, start_prune
from appliance.backup.models import BackupImage, BackupTarget
from appliance.backup.retention import Policy
from appliance.keys.errors import EvidenceRefused, KeyNeeded, NoSuchTransition
from appliance.keys.models import KeyEpoch
from audit.models import Event
from ground.refusals import Missing
from sealing.documents import deletion_record
from tests.support.bench import ADMIN, KIB, Bench, noise
from tests.support.world import check_world


@pytest.fixture
def rotated(bench: Bench) -> tuple[Bench, BackupTarget, str]:
    """Two images under the first key, then two under the second; the first key's id."""
    bench.put_unit()
    bench.add_image("first", noise(1, 64 * KIB))
    target = bench.add_target()
    for _ in range(2):
        bench.back_up(target)
    active = bench.keys.status().active
    assert active is not None
    bench.rotate()
    for _ in range(2):
        bench.back_up(target)
    set_retention(target, actor=ADMIN, policy=Policy(keep_last=2), grace_days=0, quota_percent=100)
    return bench, target, active.key_id


def test_a_key_that_images_need_is_not_retired_and_a_needless_one_is(rotated: Any) -> None:
    bench, target, key_id = rotated
    second = bench.keys.status().active.key_id
    with pytest.raises(Missing):
        retire_key(actor=ADMIN, key_id="ab" * 16, why="unknown")
    with pytest.raises(NoSuchTransition):
        retire_key(actor=ADMIN, key_id=second, why="it is active")
    with pytest.raises(KeyNeeded):
        retire_key(actor=ADMIN, key_id=key_id, why="tidying up")

    # The rows are lied about; the job looks at the target.
    BackupImage.objects.filter(key_id=key_id).update(key_id="")
    job = retire_key(actor=ADMIN, key_id=key_id, why="tidying up")
    assert bench.refused(job) == "keys.needed-by-images"
    BackupImage.objects.filter(key_id="").update(key_id=key_id)

    headers = list(BackupImage.objects.order_by("sequence").values_list("header", flat=True))
    with pytest.raises(KeyNeeded):
        bench.keys.destroy(key_id, who="x", why="x", evidence=headers)
    for told in (headers[2:], headers[3:], ["a.b.c"], [bench.maker.authorities]):
        with pytest.raises(EvidenceRefused):
            bench.keys.destroy(key_id, who="x", why="x", evidence=told)

    bench.done(start_prune(target, actor=ADMIN))
    place = bench.path_of(target)
    records = [path.read_text() for path in sorted(place.rglob("deletion.jws"))]
    assert len(records) == 2
    with pytest.raises(EvidenceRefused):
        bench.keys.destroy(key_id, who="x", why="x", evidence=[records[0], *headers[2:]])
    waiting = retire_key(actor=ADMIN, key_id=key_id, why="tidying up", idempotency_key="once")
    place.rename(place.with_name("away"))
    assert bench.refused(waiting).startswith("target.")
    place.with_name("away").rename(place)
    result = bench.done(retire_key(actor=ADMIN, key_id=key_id, why="tidying up")).result
    assert (result["targets"], result["documents"]) == (1, 4)
    assert KeyEpoch.objects.get(key_id=key_id).state == KeyEpoch.State.DESTROYED
    assert Event.objects.filter(action="keys.retiring", outcome="intent").exists()
    check_world(open_value=bench.maker.open_value)


def test_two_documents_for_one_place_are_no_evidence(rotated: Any) -> None:
    bench, target, key_id = rotated
    bench.done(start_prune(target, actor=ADMIN))
    images = BackupImage.objects.order_by("sequence")
    records = [image.deletion for image in images[:2]]
    told = [*records, *(image.header for image in images[2:])]
    lying = replace(
        deletion_record.read(records[1], bench.maker.trust), link="cc" * 32, parsed=None, certificate=None
    )
    other = deletion_record.issue(lying, bench.keys.signer())
    with pytest.raises(EvidenceRefused):
        bench.keys.destroy(key_id, who="x", why="x", evidence=[*told, other])
    with pytest.raises(EvidenceRefused):
        bench.keys.destroy(key_id, who="x", why="x", evidence=[records[0], other, *told[2:]])
    assert bench.keys.destroy(key_id, who="x", why="x", evidence=told).state == "destroyed"
