"""The tally says what counting the images would say, whoever moved them and however."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections import Counter
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from appliance.backup import selectors, tally_ddl
from appliance.backup.models import BackupImage, BackupTarget, ImageTally
from appliance.backup.needed import NEEDING, keys_needed
from appliance.backup.tally import tallies

pytestmark = pytest.mark.django_db
STATES = [state.value for state in BackupImage.State]
NOW = timezone.now()


@pytest.fixture
def targets() -> list[BackupTarget]:
    return [BackupTarget.objects.create(name=f"t{n}", kind="directory") for n in range(3)]


def an_image(rng: random.Random, target: BackupTarget, number: int) -> BackupImage:
    return BackupImage(
        target=target,
        state=rng.choice(STATES),
        serial="SR-1",
        chain="c" * 64,
        sequence=number,
        customer_id=uuid.UUID(int=1),
        key_id=rng.choice(["", "a" * 32, "b" * 32]),
        made_at=rng.choice([None, NOW - dt.timedelta(minutes=rng.randrange(1000))]),
    )


def counted() -> dict[tuple[uuid.UUID, str, str], int]:
    return dict(Counter(BackupImage.objects.values_list("target_id", "key_id", "state")))


def tallied() -> dict[tuple[uuid.UUID, str, str], int]:
    rows = ImageTally.objects.values_list("target_id", "key_id", "state", "images")
    return {(target, key_id, state): images for target, key_id, state, images in rows}


def test_a_change_that_is_taken_back_is_not_counted(targets: list[BackupTarget]) -> None:
    an_image(random.Random(1), targets[0], 1).save()
    before = tallied()
    with transaction.atomic():
        BackupImage.objects.update(state="deleted")
        BackupImage.objects.all().delete()
        transaction.set_rollback(True)
    assert tallied() == before == counted()


def test_counts_follow_every_move_of_every_image(targets: list[BackupTarget]) -> None:
    rng = random.Random(20261128)
    BackupImage.objects.bulk_create(an_image(rng, rng.choice(targets), n) for n in range(1, 60))
    for number in range(60, 160):
        rows = list(BackupImage.objects.order_by("pk"))
        match rng.randrange(6):
            case 0:
                an_image(rng, rng.choice(targets), number).save()
            case 1:
                rng.choice(rows).delete()
            case 2:
                BackupImage.objects.filter(pk=rng.choice(rows).pk).update(state=rng.choice(STATES))
            case 3:
                row = rng.choice(rows)
                row.key_id, row.target = "d" * 32, rng.choice(targets)
                row.sequence = number
                row.save()
            case 4:
                before, after = rng.sample(["committed", "verified", "damaged", "expired"], 2)
                BackupImage.objects.filter(state=before).update(state=after)
            case _:
                BackupImage.objects.filter(pk__in=[row.pk for row in rng.sample(rows, 2)]).update(problem={})
        assert tallied() == counted()
    BackupImage.objects.all().delete()
    assert tallied() == {}


def test_counting_anew_finds_what_was_counted_along(targets: list[BackupTarget]) -> None:
    rng = random.Random(2)
    BackupImage.objects.bulk_create(an_image(rng, rng.choice(targets), n) for n in range(1, 40))
    tally_ddl.remove(connection)
    tally_ddl.install(connection)
    assert tallied() == counted()


def test_keys_targets_and_the_newest_are_what_a_look_at_each_image_says(targets: list[BackupTarget]) -> None:
    rng = random.Random(3)
    BackupImage.objects.bulk_create(an_image(rng, rng.choice(targets[:2]), n) for n in range(1, 80))
    needing = BackupImage.objects.filter(state__in=NEEDING).exclude(key_id="")
    assert keys_needed() == dict(Counter(needing.values_list("key_id", flat=True)))
    usable = BackupImage.objects.filter(state__in=BackupImage.USABLE)
    assert selectors.usable_by_key() == dict(
        Counter(usable.exclude(key_id="").values_list("key_id", flat=True))
    )
    rows: Any = selectors.targets()
    for row in rows:
        here = usable.filter(target=row)
        assert row.image_count == here.count()
        assert row.newest_at == here.aggregate(newest=Max("made_at"))["newest"]
    for entry in tallies():
        same = BackupImage.objects.filter(target=entry.target_id, key_id=entry.key_id, state=entry.state)
        assert entry.newest_at == same.aggregate(newest=Max("made_at"))["newest"]
