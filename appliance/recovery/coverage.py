"""The coverage map: for every image on every target, what opens it, and how surely.

Each image carries in its signed header the values that open it. A way to open it is a value under an
authority key that the pinned list still stands by, or a key held by this unit. The map says of each image and
of each key which ways there are, how they were proven, where the values are on file, and the one thing to do
next.
It reads rows and signed texts, never the key process; what was last *seen* is what it says.

The summary costs a few lookups for each key and target, however many images there are: the database keeps the
counts. Explaining a page of images costs that page.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable

from django.db.models import QuerySet
from django.utils import timezone

from appliance.backup.models import BackupImage, BackupTarget
from appliance.backup.needed import NEEDING
from appliance.backup.selectors import in_states
from appliance.keys.models import KeyEpoch
from appliance.recovery.coverage_judging import judge_image, judge_key, judge_target
from appliance.recovery.coverage_known import Known, header_of, proof_of
from appliance.recovery.coverage_tally import SHOWN, Tally, newest_of, tallies_by_key
from appliance.recovery.covers import (
    Coverage,
    EpochCover,
    ImageCover,
    Judged,
    Light,
    TargetCover,
    ValueCover,
)

_ORDER: dict[Light, int] = {"red": 0, "amber": 1, "green": 2}
S = BackupImage.State


def coverage(now: dt.datetime | None = None) -> Coverage:
    """The summary by key and by target."""
    known = Known.gather()
    tallies, targets = tallies_by_key(), list(BackupTarget.objects.order_by("name"))
    newest = newest_of(tallies)
    ids = {*tallies, *(k for k, row in known.epochs.items() if row.state != KeyEpoch.State.DESTROYED)}
    epochs = [_epoch(key_id, tallies.get(key_id, Tally()), newest.get(key_id), known) for key_id in ids]
    epochs.sort(key=lambda item: (-item.epoch, item.serial, item.key_id))
    covers = [_target(row, tallies.values()) for row in targets]
    marks = [Judged(item.light, item.why, item.action) for item in epochs]
    marks += [Judged(item.light, item.why, item.action) for item in covers]
    worst = min(marks, key=lambda mark: _ORDER[mark.light], default=None)
    if worst is None or not tallies:
        worst = Judged("red", "There is no image.", "Make a backup.")
    images = sum(item.images for item in epochs)
    return Coverage(worst.light, worst.action, images, now or timezone.now(), tuple(epochs), tuple(covers))


def covered_images(*, target: uuid.UUID | None = None, key_id: str = "") -> QuerySet[BackupImage]:
    """Images to page through, newest first; `cover_of` explains a page of them."""
    rows = in_states(BackupImage.objects.select_related("target"), SHOWN)
    if target is not None:
        rows = rows.filter(target=target)
    return rows.filter(key_id=key_id) if key_id else rows


def cover_of(images: Iterable[BackupImage]) -> list[ImageCover]:
    """Explain these images, in their order."""
    known = Known.gather()
    return [_image(image, known) for image in images]


def _epoch(key_id: str, tally: Tally, newest: BackupImage | None, known: Known) -> EpochCover:
    row = known.epochs.get(key_id)
    header = header_of(newest.header) if newest is not None else {}
    values = known.values_in(newest.header) if newest is not None else ()
    listed = {value.digest for value in values}
    values += tuple(value for value in known.values_of(key_id) if value.digest not in listed)
    proven, proven_at = proof_of(row, header.get("proof"), newest.proof if newest is not None else "")
    here = known.opens(key_id)
    needed = tally.count(*NEEDING) > 0
    mark = judge_key(row, tally, values, here=here, proven=proven)
    return EpochCover(
        key_id=key_id,
        epoch=row.epoch if row is not None else newest.epoch if newest is not None else 0,
        kind=row.kind if row is not None else "",
        origin=row.origin if row is not None else "",
        state=row.state if row is not None else "",
        here=here,
        serial=newest.serial if newest is not None else row.source_serial if row is not None else "",
        needed=needed,
        images=tally.count(*SHOWN),
        verified=tally.count(S.VERIFIED),
        unverified=tally.count(S.COMMITTED),
        damaged=tally.count(S.DAMAGED),
        expired=tally.count(S.EXPIRED),
        newest_at=tally.newest[0] if tally.newest else None,
        by_target={str(target): sum(states.values()) for target, states in tally.targets.items()},
        proven=proven,
        proven_at=proven_at,
        values=values,
        light=mark.light,
        why=mark.why,
        action=mark.action,
        url=f"/api/v1/keys/{key_id}" if row is not None else "",
    )


def _image(image: BackupImage, known: Known) -> ImageCover:
    row = known.epochs.get(image.key_id)
    header, values = header_of(image.header), known.values_in(image.header)
    proven, proven_at = proof_of(row, header.get("proof"), image.proof)
    here = known.opens(image.key_id)
    mark = judge_image(image, row, values, here=here, proven=proven)
    return ImageCover(
        image=image.pk,
        target=image.target_id,
        target_name=image.target.name,
        serial=image.serial,
        sequence=image.sequence,
        state=image.state,
        made_at=image.made_at,
        verified_at=image.verified_at,
        epoch=image.epoch,
        key_id=image.key_id,
        proven=proven,
        proven_at=proven_at,
        opens_here=here,
        values=values,
        light=mark.light,
        why=mark.why,
        action=mark.action,
        url=f"/api/v1/backup-images/{image.pk}",
    )


def _target(row: BackupTarget, tallies: Iterable[Tally]) -> TargetCover:
    images = damaged = 0
    newest: dt.datetime | None = None
    for tally in tallies:
        states = tally.targets.get(row.pk, {})
        images += sum(states.get(state, 0) for state in SHOWN)
        damaged += states.get(S.DAMAGED, 0)
        at = tally.newest_on.get(row.pk)
        newest = at if newest is None or (at is not None and at > newest) else newest
    mark = judge_target(row, images, damaged)
    return TargetCover(
        row.pk,
        row.name,
        row.state,
        row.freshness,
        row.checked_at,
        images,
        damaged,
        newest,
        mark.light,
        mark.why,
        mark.action,
        f"/api/v1/backup-targets/{row.pk}",
    )


__all__ = [
    "Coverage",
    "EpochCover",
    "ImageCover",
    "TargetCover",
    "ValueCover",
    "cover_of",
    "coverage",
    "covered_images",
]
