"""The coverage map: for every image on every target, what opens it, and how surely.

Each image carries in its signed header the values that open it. A way to open it is a value under an
authority key that the pinned list still stands by, or a key held by this unit. The map says of each image and
of each key which ways there are, how they were proven, where the values are on file, and the one thing to do
next.
It reads rows and signed texts, never the key process; what was last *seen* is what it says.

The summary costs one pass over one covering index and a handful of lookups for each key, however many images
there are; explaining a page of images costs that page.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Max, QuerySet
from django.utils import timezone

from appliance.backup.models import BackupImage, BackupTarget
from appliance.backup.needed import NEEDING
from appliance.keys.models import KeyEpoch, LodgedValue
from appliance.recovery.covers import (
    Coverage,
    EpochCover,
    ImageCover,
    Judged,
    Light,
    OnFile,
    TargetCover,
    ValueCover,
)
from appliance.unit.selectors import unit_or_none
from sealing.jose import digest, peek

_ORDER: dict[Light, int] = {"red": 0, "amber": 1, "green": 2}
S = BackupImage.State
SHOWN = (S.COMMITTED, S.VERIFIED, S.DAMAGED, S.EXPIRED)
HIDDEN = (S.WRITING, S.ABANDONED, S.DELETED)


def coverage(now: dt.datetime | None = None) -> Coverage:
    """The summary by key and by target."""
    known = _Known.gather()
    tallies, targets = _tally(), list(BackupTarget.objects.order_by("name"))
    newest = _newest_of(tallies)
    ids = {*tallies, *(k for k, row in known.epochs.items() if row.state != KeyEpoch.State.DESTROYED)}
    epochs = [_epoch(key_id, tallies.get(key_id, _Tally()), newest.get(key_id), known) for key_id in ids]
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
    # NOT IN, although the two are complements: a positive list makes the database take an index by state and
    # then sort what it found, instead of reading one page in the order of time.
    rows = BackupImage.objects.select_related("target").exclude(state__in=HIDDEN)
    if target is not None:
        rows = rows.filter(target=target)
    return rows.filter(key_id=key_id) if key_id else rows


def cover_of(images: Iterable[BackupImage]) -> list[ImageCover]:
    """Explain these images, in their order."""
    known = _Known.gather()
    return [_image(image, known) for image in images]


# ---- what is known, read once ------------------------------------------------------------------------------


@dataclass(slots=True)
class _Known:
    epochs: dict[str, KeyEpoch]
    values: dict[str, LodgedValue]
    authorities: dict[str, str]
    _read: dict[str, ValueCover] = field(default_factory=dict)

    @classmethod
    def gather(cls) -> _Known:
        unit = unit_or_none()
        listed = peek(unit.authority_list).claims.get("entries", []) if unit and unit.authority_list else []
        return cls(
            {row.key_id: row for row in KeyEpoch.objects.all()},
            {row.digest: row for row in LodgedValue.objects.select_related("epoch")},
            {str(entry["kid"]): str(entry["state"]) for entry in listed if entry.get("use") == "escrow"},
        )

    def opens(self, key_id: str) -> bool:
        row = self.epochs.get(key_id)
        return row is not None and row.state != KeyEpoch.State.DESTROYED

    def value(self, document: str, *, in_header: bool) -> ValueCover:
        """What may be said of a value; its text was verified when the image's header was."""
        remembered = document if in_header else ""
        if remembered in self._read:
            return self._read[remembered]
        name = str(digest(document))
        row = self.values.get(name)
        authority = str(peek(document).header.get("authority", ""))
        state = self.authorities.get(authority, "unknown")
        on_file: list[OnFile] = []
        if row is not None and row.receipt:
            on_file.append("lodged")
        if row is not None and row.downloaded_at and row.epoch.downloaded:
            on_file.append("downloaded")
        if in_header:
            on_file.append("header")
        light, why = _AUTHORITIES[state]
        cover = ValueCover(
            name,
            authority,
            state,
            tuple(on_file),
            row.lodged_at if row else None,
            row.downloaded_at if row else None,
            light,
            why,
        )
        if remembered:
            self._read[remembered] = cover
        return cover

    def values_in(self, header: str) -> tuple[ValueCover, ...]:
        return tuple(self.value(text, in_header=True) for text in _header(header).get("values", []))

    def values_of(self, key_id: str) -> tuple[ValueCover, ...]:
        rows = [row for row in self.values.values() if row.current and row.epoch.key_id == key_id]
        return tuple(self.value(row.document, in_header=False) for row in rows)


_AUTHORITIES: dict[str, tuple[Light, str]] = {
    "active": ("green", "The authority key is in force."),
    "retired": ("amber", "The authority key was retired: it opens still, nothing new is sealed to it."),
    "revoked": ("red", "The authority key was revoked."),
    "unknown": ("red", "The authority key is not in the pinned list."),
}


def _header(text: str) -> dict[str, Any]:
    """Claims of a header that was verified, in its one lawful spelling, when its row was written: here it is
    only taken apart, many on a page."""
    if not text:
        return {}
    payload = text.split(".", 2)[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


# ---- keys --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Tally:
    """How many images of a key stand where, in which state."""

    states: dict[str, int] = field(default_factory=dict)
    targets: dict[uuid.UUID, dict[str, int]] = field(default_factory=dict)
    newest: tuple[dt.datetime, str, uuid.UUID] | None = None  # when, in which state, on which target
    newest_on: dict[uuid.UUID, dt.datetime] = field(default_factory=dict)

    def add(self, state: str, target: uuid.UUID, count: int, newest: dt.datetime | None) -> None:
        self.states[state] = self.states.get(state, 0) + count
        on = self.targets.setdefault(target, {})
        on[state] = on.get(state, 0) + count
        if newest is not None and state in SHOWN:
            self.newest_on[target] = max(newest, self.newest_on.get(target, newest))
            if self.newest is None or newest > self.newest[0]:
                self.newest = (newest, state, target)

    def count(self, *states: str) -> int:
        return sum(self.states.get(state, 0) for state in states)


def _tally() -> dict[str, _Tally]:
    """One pass over the covering index `backup_image_by_key`; no row of the table is read."""
    groups = (
        BackupImage.objects.order_by()
        .filter(state__in=NEEDING)
        .values_list("key_id", "state", "target_id")
        .annotate(images=Count("*"), newest=Max("made_at"))
    )
    tallies: dict[str, _Tally] = {}
    for key_id, state, target, count, newest in groups:
        if key_id:  # an image that is only begun names no key yet
            tallies.setdefault(key_id, _Tally()).add(state, target, count, newest)
    return tallies


def _newest_of(tallies: Mapping[str, _Tally]) -> dict[str, BackupImage]:
    """The newest image of each key, found by the same index."""
    found: dict[str, BackupImage] = {}
    for key_id, tally in tallies.items():
        if tally.newest is not None:
            made_at, state, target = tally.newest
            one = BackupImage.objects.filter(key_id=key_id, state=state, target=target, made_at=made_at)
            image = one.first()
            if image is not None:
                found[key_id] = image
    return found


def _epoch(key_id: str, tally: _Tally, newest: BackupImage | None, known: _Known) -> EpochCover:
    row = known.epochs.get(key_id)
    header = _header(newest.header) if newest is not None else {}
    values = known.values_in(newest.header) if newest is not None else ()
    listed = {value.digest for value in values}
    values += tuple(value for value in known.values_of(key_id) if value.digest not in listed)
    proven, proven_at = _proof(row, header.get("proof"), newest.proof if newest is not None else "")
    here = known.opens(key_id)
    needed = tally.count(*NEEDING) > 0
    mark = _judge_key(row, tally, values, here=here, proven=proven)
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


def _judge_key(
    row: KeyEpoch | None, tally: _Tally, values: Sequence[ValueCover], *, here: bool, proven: str
) -> Judged:
    images = tally.count(*SHOWN)
    if images == 0:
        if row is not None and row.state == KeyEpoch.State.ACTIVE:
            return Judged("amber", "The active key protects no image yet.", "Make a backup and verify it.")
        return Judged("green", "No image needs it.")
    ways = _judge_ways(values, here=here, many=True)
    if ways.light == "red":
        return ways
    usable = tally.count(S.COMMITTED, S.VERIFIED)
    if tally.count(S.DAMAGED) and not usable:
        return Judged("red", "Every image of this key is damaged.", "Make a new backup and verify it.")
    if tally.count(S.DAMAGED):
        return Judged("amber", f"{tally.count(S.DAMAGED)} of its images are damaged.", "Verify them again.")
    if ways.light == "amber":
        return ways
    if proven != "drilled":
        return Judged("amber", "Nobody has shown that its value opens.", _drill(row))
    if not tally.count(S.VERIFIED):
        return Judged("amber", "None of its images was opened in full.", "Verify the newest of them.")
    if not _kept(row, values):
        return Judged("amber", "Its values lie in the images' headers only.", "Lodge the value at the desk.")
    return Judged("green", "A proven value under an authority key in force opens its images.")


# ---- images ------------------------------------------------------------------------------------------------


def _image(image: BackupImage, known: _Known) -> ImageCover:
    row = known.epochs.get(image.key_id)
    header, values = _header(image.header), known.values_in(image.header)
    proven, proven_at = _proof(row, header.get("proof"), image.proof)
    here = known.opens(image.key_id)
    mark = _judge_image(image, row, values, here=here, proven=proven)
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


def _judge_image(
    image: BackupImage, row: KeyEpoch | None, values: Sequence[ValueCover], *, here: bool, proven: str
) -> Judged:
    if image.state == S.DAMAGED:
        why = str((image.problem or {}).get("title", "The image is damaged on its target."))
        return Judged("red", why, "Make a new backup, or bring the damaged objects back from another copy.")
    ways = _judge_ways(values, here=here, many=False)
    if ways.light == "red":
        return ways
    if image.state == S.EXPIRED:
        return Judged("amber", "It has expired and will be deleted.", "Keep it, if it is still wanted.")
    if ways.light == "amber":
        return ways
    if proven != "drilled":
        return Judged("amber", "Nobody has shown that its value opens.", _drill(row))
    if image.state != S.VERIFIED:
        return Judged("amber", "It was not opened in full yet.", "Verify it.")
    if image.target.state != BackupTarget.State.READY or image.target.freshness == "rolled-back":
        return Judged("amber", f"{image.target.name} is not as it should be.", "Look at the target.")
    if image.own and not _kept(row, values):
        return Judged("amber", "Its value lies in its header only.", "Lodge the value at the desk.")
    return Judged("green", "A proven value under an authority key in force opens it.")


def _judge_ways(values: Sequence[ValueCover], *, here: bool, many: bool) -> Judged:
    """Is there a way to open, should this unit be lost?"""
    lights = {value.light for value in values}
    them = "these images" if many else "the image"
    if "green" in lights:
        return Judged("green", "")
    if "amber" in lights:
        why = f"Only values under a retired authority key open {them}."
        return Judged("amber", why, "Rotate the key and make a backup, sealed to the new authority key.")
    if here:
        why = f"No authority key in force opens {them}: only this unit does, and its loss loses them."
        return Judged("red", why, "Rotate the key and make a backup, sealed to an authority key in force.")
    return Judged("red", f"Nothing known here opens {them}.", "Ask the authority if its key still lives.")


def _proof(
    row: KeyEpoch | None, said: Mapping[str, Any] | None, column: str
) -> tuple[str, dt.datetime | None]:
    """The best proof there is: a drill since the image was made counts for the image too, for it is the same
    key; otherwise what its header says."""
    if row is not None and row.proof_how == "drilled":
        return "drilled", row.proof_at
    at = (said or {}).get("at")
    when = dt.datetime.fromtimestamp(at, dt.UTC) if isinstance(at, int) else None
    if row is not None and row.proof_how and column != "drilled":
        return row.proof_how, row.proof_at
    return column, when


def _kept(row: KeyEpoch | None, values: Sequence[ValueCover]) -> bool:
    """Is a value on file elsewhere than in the images? Unknown of keys that were never made here: the unit
    that made them had to lodge or download before it could use them, so it counts as kept."""
    if row is None or row.origin != "generated":
        return True
    return any({"lodged", "downloaded"} & set(value.on_file) for value in values)


def _drill(row: KeyEpoch | None) -> str:
    return "Drill the value." if row is not None else "Ask the desk to drill the value."


# ---- targets -----------------------------------------------------------------------------------------------


def _target(row: BackupTarget, tallies: Iterable[_Tally]) -> TargetCover:
    images = damaged = 0
    newest: dt.datetime | None = None
    for tally in tallies:
        states = tally.targets.get(row.pk, {})
        images += sum(states.get(state, 0) for state in SHOWN)
        damaged += states.get(S.DAMAGED, 0)
        at = tally.newest_on.get(row.pk)
        newest = at if newest is None or (at is not None and at > newest) else newest
    mark = _judge_target(row, images, damaged)
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


def _judge_target(row: BackupTarget, images: int, damaged: int) -> Judged:
    if row.state != BackupTarget.State.READY:
        why = str((row.problem or {}).get("title", "It was not connected yet."))
        return Judged("red", why, "Connect the target.")
    if row.freshness == "rolled-back":
        return Judged("red", "It lacks images that are known to exist.", "Look at the target's findings.")
    if damaged:
        return Judged("amber", f"{damaged} of its images are damaged.", "Verify them and make a new backup.")
    if row.findings:
        return Judged("amber", "Things on it are not as they should be.", "Look at the target's findings.")
    if images == 0:
        return Judged("amber", "It holds no image.", "Make a backup to it.")
    return Judged("green", "It is there, and its images are known.")


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
