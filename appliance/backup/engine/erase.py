"""Deleting one image from a target: the record first, then what commits it, its packs last.

docs/formats/deletion-record.md §2. `erase` begins a deletion, `finish` ends one, begun by whatever run.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from appliance.backup.engine import house
from appliance.backup.engine.collect import note_packs
from appliance.backup.engine.deletions import believe
from appliance.backup.engine.verify import open_image, place_of, read_header
from appliance.backup.errors import EvidenceLacking, ImageRefusal
from appliance.backup.models import BackupImage, BackupTarget
from appliance.backup.targets import Target
from appliance.backup.targets.marker import Marker
from appliance.keys.client import KeyProcess
from audit.log import record
from ground.refusals import Refusal
from jobs.handlers import JobContext
from sealing.documents import deletion_record, image_header
from sealing.documents.image_header import SignedHeader
from sealing.errors import Refused
from sealing.trust import Trust

S = BackupImage.State
NAMES = 100  # of virtual images, listed for one image


@dataclass(slots=True)
class Work:
    """What one run works with."""

    ctx: JobContext
    keys: KeyProcess
    trust: Trust
    row: BackupTarget
    target: Target
    marker: Marker
    chain: str


def summary(image: BackupImage) -> dict[str, Any]:
    """An image in a job's result: which, of when, how large."""
    return {
        "image": str(image.pk),
        "sequence": image.sequence,
        "made_at": image.made_at.isoformat() if image.made_at else None,
        "stored_bytes": image.stored_bytes,
        "content_bytes": image.content_bytes,
        "why": image.expired_by or "retention",
    }


def describe(work: Work, image: BackupImage) -> dict[str, Any]:
    """The same with the virtual images in it, by name and size, from its sealed manifest; `objects` is None
    where this unit cannot open it."""
    try:
        signed = read_header(place_of(image), work.target, work.trust)
        keys = house.image_keys(work.keys, signed.header)
        opened = open_image(place_of(image), signed, work.target, house.manifest_key(keys))
    except Refusal:
        return {**summary(image), "objects": None}
    assert opened.manifest is not None
    objects = [
        {"id": item.id, "name": item.name, "size": item.size} for item in opened.manifest.objects[:NAMES]
    ]
    return {**summary(image), "objects": objects}


def erase(work: Work, image: BackupImage) -> bool:
    """Compare, sign, store the intent, then remove. False if the image is no longer to go."""
    work.ctx.check()
    try:
        signed = read_header(place_of(image), work.target, work.trust)
    except ImageRefusal as refusal:
        raise EvidenceLacking(
            why="an image about to be deleted is damaged", problem=refusal.as_dict()
        ) from refusal
    if signed.text != image.header or image.chain != work.chain:
        raise EvidenceLacking(why="another image lies in the place of the one to be deleted")
    return _begin(work, image, signed)


def write_off(work: Work, image: BackupImage) -> bool:
    """A person gave up an image whose header the storage lost: the record takes its place, so that the chain
    can be accounted for again (and the target be pruned). False if the header is there after all."""
    signed = _signed(image, work.trust)
    if signed is None or work.target.stat(place_of(image).header) is not None:
        return False
    return _begin(work, image, signed)


def _begin(work: Work, image: BackupImage, signed: SignedHeader) -> bool:
    text = deletion_record.issue(_claims(image, signed), work.keys.signer())
    with house.rows(), transaction.atomic():
        # Stored and on record before anything is touched. A person may have protected it meanwhile.
        rows = BackupImage.objects.filter(pk=image.pk, state=S.EXPIRED, deletion="", protected_at=None)
        if not rows.update(deletion=text):
            return False
        record(
            "backup.deleting",
            actor=work.ctx.actor,
            subject=f"backup-image:{image.pk}",
            facts={"target": work.row.name, "sequence": image.sequence, "why": image.expired_by},
            outcome="intent",
        )
    image.deletion = text
    finish(work, image)
    return True


def _claims(image: BackupImage, signed: SignedHeader) -> deletion_record.DeletionRecord:
    header = signed.header
    now = int(time.time())
    expired_at = image.expired_at or timezone.now()
    return deletion_record.DeletionRecord(
        serial=header.serial,
        customer=header.customer,
        appliance=header.appliance,
        target=header.chain.target,
        image=header.image,
        sequence=header.chain.sequence,
        header=signed.digest,
        link=signed.link_digest,
        previous=header.chain.previous,
        key_id=header.key_id,
        made_at=header.made_at,
        # a clock that was set back must not keep an image for ever: the record says the latest it can mean
        expired_at=max(header.made_at, min(now, int(expired_at.timestamp()))),
        reason="by-hand" if image.expired_by == "by-hand" else "retention",
        iat=max(now, header.made_at),
    )


def finish(work: Work, image: BackupImage) -> None:
    """Everything after the stored intent. Each step may have been done before."""
    place, target = place_of(image), work.target
    if target.stat(place.deletion) is None:
        target.put_bytes(place.deletion, image.deletion.encode())
    else:  # an earlier run's own
        data = target.get_bytes(place.deletion, limit=deletion_record.FORM.max_bytes)
        image.deletion = believe(data, place, work.trust).text
    note_packs(work.row, work.target, _signed(image, work.trust), place)
    # The header commits the image: from here on it is gone.
    for name in (place.header, place.manifest, place.packs):
        target.delete(name)
    with house.rows(), transaction.atomic():
        rows = BackupImage.objects.filter(pk=image.pk, state__in=BackupImage.RESTORABLE)
        if rows.update(state=S.DELETED, deletion=image.deletion, deleted_at=timezone.now(), problem=None):
            record(
                "backup.deleted",
                actor=work.ctx.actor,
                subject=f"backup-image:{image.pk}",
                facts={"target": work.row.name, "sequence": image.sequence},
            )


def _signed(image: BackupImage, trust: Trust) -> SignedHeader | None:
    try:
        return image_header.read(image.header, trust)
    except Refused:
        return None
