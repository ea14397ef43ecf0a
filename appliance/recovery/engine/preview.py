"""What a restore would bring back, from the sealed manifest: on a unit that holds the image's key.

Writes nothing but the answer, which stands on the image's row. What anyone may see from the clear header is
`recovery.selectors.clear_preview`.
"""

from __future__ import annotations

import shutil
from typing import Any

from appliance.backup.engine import house
from appliance.backup.engine.repository import pack_name
from appliance.backup.engine.verify import Opened, open_image, place_of, read_header
from appliance.backup.models import BackupImage
from appliance.backup.targets import Target
from appliance.recovery.engine.load import unknown_migrations
from appliance.recovery.engine.restore_rules import require_ours
from appliance.recovery.errors import DoesNotFit
from config.site import site
from ground.refusals import Missing
from jobs.handlers import JobContext

# A database on disk takes about this many times its stream: indexes, free pages, write-ahead log.
DATABASE_FACTOR = 4
SPARE_BYTES = 256 << 20  # left free whatever happens
LISTED = 1000  # objects and people shown by name; all are counted


def preview(ctx: JobContext) -> dict[str, Any]:
    """The handler of `recovery.preview`."""
    with house.rows():
        image = BackupImage.objects.select_related("target").filter(pk=ctx.params["image"]).first()
    if image is None:
        raise Missing(image=str(ctx.params["image"]))
    keys = house.key_process()
    status = keys.status()
    target, _ = house.open_checked(image.target, customer=house.customer_of(status), write=False)
    place = place_of(image)
    signed = read_header(place, target, house.trust_of(status))
    require_ours(signed.header.customer, signed.header.key_id, status)
    image_keys = house.image_keys(keys, signed.header)
    opened = open_image(place, signed, target, house.manifest_key(image_keys))
    answer = _answer(opened, target)
    with house.rows():
        BackupImage.objects.filter(pk=image.pk).update(preview=answer)
    return answer


def _answer(opened: Opened, target: Target) -> dict[str, Any]:
    manifest, header = opened.manifest, opened.header
    assert manifest is not None
    absent = [
        pack.digest
        for pack in manifest.packs
        if (found := target.stat(pack_name(pack.digest))) is None or found.size != pack.size
    ]
    needed = bytes_needed(header.stored_bytes, manifest.database_size)
    free = shutil.disk_usage(site().root).free
    people = manifest.facts.get("people", [])
    unknown = unknown_migrations(manifest.facts.get("migrations", []))
    return {
        "image": header.image,
        "made_at": header.made_at,
        "serial": header.serial,
        "epoch": header.epoch,
        "objects": [
            {"id": o.id, "kind": o.kind, "name": o.name, "size": o.size} for o in manifest.objects[:LISTED]
        ],
        "object_count": len(manifest.objects),
        "content_bytes": header.content_bytes,
        "stored_bytes": header.stored_bytes,
        "database_bytes": manifest.database_size,
        "rows": manifest.facts.get("rows", {}),
        "people": people[:LISTED],
        "people_count": len(people),
        "passwords_go_back_to": header.made_at,
        "migrations": header.migrations,
        "unknown_migrations": unknown,
        "packs": len(manifest.packs),
        "packs_missing": absent[:20],
        "packs_missing_count": len(absent),
        "bytes_needed": needed,
        "bytes_free": free,
        "fits": free >= needed,
        "restorable": free >= needed and not absent and not unknown,
    }


def bytes_needed(pack_bytes: int, database_bytes: int) -> int:
    """Room that a restore takes on the unit's disk."""
    return pack_bytes + DATABASE_FACTOR * database_bytes + SPARE_BYTES


def require_fit(pack_bytes: int, database_bytes: int) -> None:
    """Refuse before the first byte is copied if it cannot end well."""
    needed, free = bytes_needed(pack_bytes, database_bytes), shutil.disk_usage(site().root).free
    if free < needed:
        raise DoesNotFit(bytes_needed=needed, bytes_free=free)
