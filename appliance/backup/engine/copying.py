"""One target's repository copied to another place: sealed packs and signed documents as they are, no key.

The copy is the same repository (the marker says so), so its headers are where they say they are. The order
is that of writing (docs/formats/repository.md §4): packs, values, pack list, manifest, and the header last,
image by image along each chain; so whatever stops it leaves whole images and packs that are not sent again.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

from django.db import transaction
from django.utils import timezone

from appliance.backup.engine import house, repository
from appliance.backup.engine.chain import Found
from appliance.backup.engine.repository import Place, chain_name
from appliance.backup.engine.survey import survey
from appliance.backup.errors import (
    CopyRefused,
    ManifestDamaged,
    ObjectCorrupt,
    PackListDamaged,
    TargetRefusal,
)
from appliance.backup.models import BackupImage, BackupTarget, ImageCopy
from appliance.backup.targets import Target
from audit.log import record
from ground.refusals import Missing
from jobs.handlers import JobContext
from sealing.content.header import FileRef
from sealing.documents import head as heads
from sealing.errors import Refused

DOCUMENT_BYTES = 1 << 20  # a deletion record or a head is far smaller


def copy(ctx: JobContext) -> dict[str, Any]:
    """The handler of `backup.copy`."""
    with house.rows():
        source_row = BackupTarget.objects.filter(pk=ctx.params["source"]).first()
        row = BackupTarget.objects.filter(pk=ctx.params["to"]).select_related("copy_of").first()
    if source_row is None or row is None:
        raise Missing(target=str(ctx.params["source" if source_row is None else "to"]))
    if row.copy_of_id != source_row.pk:
        raise CopyRefused(why="the other target is not a copy of this one any more", to=row.name)
    status = house.key_process().status()
    trust, own_chain = house.trust_of(status), chain_name(status.certificate_thumbprint)
    customer = house.customer_of(status)
    source, marker = house.open_checked(source_row, customer=customer, write=False)
    target, _ = house.open_checked(row, customer=customer, write=True, create=True)
    found = survey(source_row, source, marker, trust=trust, own_chain=own_chain).images
    work = _Work(ctx, source, target)
    try:
        work.plan(found)
        for image in found:
            work.copy_image(image)
            _note(row, image)
        work.copy_deletions()
        work.copy_heads(lambda text: heads.read(text, trust))
    except TargetRefusal as refusal:
        # Which of the two it was, the facts name; the copy is what is not as it should be.
        house.note_state(row, refusal)
        raise
    judgement = survey(row, target, marker, trust=trust, own_chain=own_chain)
    result = {
        "images": len(found),
        "packs": work.packs,
        "bytes_sent": work.sent,
        "bytes_there": work.there,
        "findings": len(judgement.findings),
    }
    with house.rows(), transaction.atomic():
        record(
            "backup.copied",
            actor=ctx.actor,
            subject=f"backup-target:{row.pk}",
            facts={"source": source_row.name, **result},
        )
    return result


class _Work:
    def __init__(self, ctx: JobContext, source: Target, target: Target) -> None:
        self.ctx, self.source, self.target = ctx, source, target
        self.packs = self.sent = self.there = self.total = 0
        self._done: set[str] = set()

    def plan(self, images: list[Found]) -> None:
        """The bytes of all packs, each counted once; every pack list is compared with its header's digest."""
        sizes: dict[str, int] = {}
        for image in images:
            self.ctx.check()
            sizes |= self._packs_of(image)
        self.total = sum(sizes.values())
        self.ctx.progress("copying packs", 0, self.total)

    def copy_image(self, image: Found) -> None:
        place, header = image.place, image.signed.header
        for digest, size in self._packs_of(image).items():
            if digest not in self._done:
                self._copy_pack(digest, size)
        for value in header.values:
            self.target.put_bytes(repository.value_name(header.key_id, value), value.encode())
        listing = self._whole(place, place.packs, header.pack_list)
        self.target.put_bytes(place.packs, listing)
        self.target.put_bytes(place.manifest, self._whole(place, place.manifest, header.manifest))
        self.ctx.check()
        self.target.put_bytes(place.header, image.signed.text.encode())  # from here on the image is there

    def copy_deletions(self) -> None:
        """Records of deleted images: the chain needs them where the copy never had the image."""
        for name in [stat.name for stat in self.source.list("chains/")]:
            directory, _, last = name.rpartition("/")
            place = Place.of_directory(directory) if last == "deletion.jws" else None
            if place is not None and self.target.stat(place.header) is None:
                self.target.put_bytes(name, self.source.get_bytes(name, limit=DOCUMENT_BYTES))

    def copy_heads(self, read: Callable[[str], object]) -> None:
        for stat in self.source.list("heads/"):
            data = self.source.get_bytes(stat.name, limit=DOCUMENT_BYTES)
            try:
                read(data.decode("ascii"))
            except (Refused, UnicodeDecodeError):
                self.ctx.log(f"{stat.name} on the source is no head that this unit believes; left there.")
                continue
            self.target.put_bytes(stat.name, data)

    def _copy_pack(self, digest: str, size: int) -> None:
        name = repository.pack_name(digest)
        fresh = self.target.put(name, self._pieces(name), digest=digest, size=size)
        self._done.add(digest)
        self.packs += 1
        if fresh:
            self.sent += size
        else:
            self.there += size
        self.ctx.progress("copying packs", self.sent + self.there, self.total)

    def _pieces(self, name: str) -> Iterator[bytes]:
        for piece in self.source.get(name):
            self.ctx.check()
            yield piece

    def _packs_of(self, image: Found) -> dict[str, int]:
        listing = self._whole(image.place, image.place.packs, image.signed.header.pack_list)
        return repository.decode_pack_list(listing, image.place.image)

    def _whole(self, place: Place, name: str, wanted: FileRef) -> bytes:
        """An object of an image, exactly as its signed header names it."""
        refusal = PackListDamaged if name == place.packs else ManifestDamaged
        limit = repository.PACK_LIST_BYTES if name == place.packs else repository.MANIFEST_BYTES
        try:
            data = self.source.get_bytes(name, limit=limit)
        except ObjectCorrupt as error:
            raise refusal(image=str(place.image), why="it is damaged on the source") from error
        if FileRef.of(data) != wanted:
            raise refusal(image=str(place.image), why="it is not the one its header names")
        return data


def _note(row: BackupTarget, image: Found) -> None:
    now = timezone.now()
    note_copy(row, image.place.image, found_at=now, copied_at=now)


def note_copy(row: BackupTarget, image: uuid.UUID, **when: Any) -> None:
    """Remember that an image known from another target lies here, too."""
    with house.rows(), transaction.atomic():
        if BackupImage.objects.filter(pk=image).exclude(target=row).exists():
            ImageCopy.objects.update_or_create(image_id=image, target=row, defaults=when)
