"""Damaged packs on a target: set aside, never deleted, and sent again from the unit's store.

A pack whose bytes are not those of its name would be taken for "there already" by the next backup. Set aside
under `quarantine/` it can still be looked at, and the backup sends a sound one in its place.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from typing import Any

from django.db import transaction

from appliance.backup.engine import house, write
from appliance.backup.engine.repository import pack_name, quarantine_name
from appliance.backup.engine.verify import Opened, open_image, place_of, read_header
from appliance.backup.errors import ImageRefusal, PackDamaged, PackMissing, TargetRefusal
from appliance.backup.models import BackupImage, BackupTarget
from appliance.backup.targets import Target
from appliance.content.engine.store import Store
from audit.actor import Actor
from audit.log import record
from jobs.actions import start_job
from jobs.handlers import JobContext
from sealing.content.keys import HeldKeys
from sealing.trust import Trust

Check = Callable[[], object]


def after_damage(ctx: JobContext) -> None:
    """A verification met bytes that are not a pack's: set aside all such packs of the image. Where the target
    cannot be written to they stay, and the log says so."""
    with house.rows():
        image = BackupImage.objects.select_related("target").get(pk=ctx.params["image"])
    trust = house.trust_of(house.key_process().status())
    try:
        target, _ = house.open_checked(image.target, customer=image.customer_id, write=True)
        signed = read_header(place_of(image), target, trust)
        opened = open_image(place_of(image), signed, target, None)
        moved = set_aside(image.target, opened, target, actor=ctx.actor, check=ctx.check)
    except (ImageRefusal, TargetRefusal) as refusal:
        ctx.log(f"The damaged packs were not set aside: {refusal.title}")
        return
    ctx.log(f"{len(moved)} damaged packs were set aside; the next backup sends sound ones in their place.")


def set_aside(row: BackupTarget, opened: Opened, target: Target, *, actor: Actor, check: Check) -> list[str]:
    """Move every pack of the image aside whose bytes are not those of its name; their digests."""
    moved = []
    for digest, size in sorted(opened.packs.items()):
        check()
        name = pack_name(digest)
        found = target.stat(name)
        if found is None:
            continue
        have, length = _digest_of(target, name, check)
        if (have, length) == (digest, size):
            continue
        # First the copy, durable and compared, then the removal: a crash between leaves both.
        target.put(quarantine_name(digest, have), target.get(name), digest=have, size=length)
        target.delete(name)
        moved.append(digest)
    if moved:
        with house.rows(), transaction.atomic():
            record(
                "backup.packs-set-aside",
                actor=actor,
                subject=f"backup-target:{row.pk}",
                facts={"packs": moved[:50], "count": len(moved), "image": str(opened.place.image)},
            )
    return moved


def _digest_of(target: Target, name: str, check: Check) -> tuple[str, int]:
    found, length = hashlib.sha256(), 0
    for piece in target.get(name):
        check()
        found.update(piece)
        length += len(piece)
    return found.hexdigest(), length


def heal(
    row: BackupTarget,
    target: Target,
    trust: Trust,
    store: Store,
    keys: HeldKeys,
    progress: Any,
    check: Check,
) -> list[uuid.UUID]:
    """Send again what damaged images lack and the store still has; the images that got something back."""
    with house.rows():
        lacking = [PackMissing.code, PackDamaged.code]
        damaged = list(
            row.images.filter(state=BackupImage.State.DAMAGED, problem__code__in=lacking).order_by("-made_at")
        )
    if not damaged:
        return []
    held = {ref.digest: ref for ref in store.packs()}
    healed = []
    for image in damaged:
        check()
        try:
            signed = read_header(place_of(image), target, trust)
            opened = open_image(place_of(image), signed, target, None)
        except (ImageRefusal, TargetRefusal):
            continue  # more is wrong with it than packs
        missing = [digest for digest in opened.packs if target.stat(pack_name(digest)) is None]
        back = [held[digest] for digest in missing if digest in held]
        if not missing or back:
            write.send_packs(back, store, keys, target, progress, check)
            healed.append(image.pk)
    return healed


def verify_again(images: list[uuid.UUID], *, actor: Actor, job: uuid.UUID) -> None:
    """Whether they are whole now, a verification says; once for each backup job."""
    with house.rows(), transaction.atomic():
        for image in images:
            start_job(
                "backup.verify",
                actor=actor,
                params={"image": str(image), "depth": "full"},
                subject=f"backup-image:{image}",
                idempotency_key=f"healed by {job} {image}",
            )
