"""What may be asked about recovery; the survival readout itself is in `readiness`."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet

from appliance.backup.models import BackupImage
from appliance.backup.selectors import values_on_targets
from appliance.catalog.models import VirtualImage
from appliance.keys.models import KeyEpoch
from appliance.recovery.errors import ObjectsNotListed
from appliance.recovery.models import ImageListing, ListedObject, RecoveryReport, Restore, TransferCase
from appliance.recovery.readiness import Link, Readiness, readiness
from appliance.unit.selectors import unit_or_none
from config.site import site
from sealing.jose import peek

__all__ = [
    "Link",
    "Readiness",
    "clear_preview",
    "current_restore",
    "here_of",
    "objects_of",
    "outbound_paused",
    "readiness",
    "recovery_report",
    "transfer_case",
    "value_sheet",
]


def transfer_case() -> TransferCase | None:
    """The newest transfer request that was not superseded."""
    return TransferCase.objects.exclude(state=TransferCase.State.SUPERSEDED).first()


def current_restore() -> Restore | None:
    """The restore that runs, or the newest one there was."""
    return Restore.objects.filter(state__in=Restore.RUNNING).first() or Restore.objects.first()


def recovery_report() -> RecoveryReport | None:
    """The newest report to the desk."""
    return RecoveryReport.objects.select_related("restore").first()


def objects_of(image: BackupImage) -> QuerySet[ListedObject]:
    """What is in the image, by name; `ObjectsNotListed` until its manifest was read."""
    if not ImageListing.objects.filter(image=image).exists():
        raise ObjectsNotListed(image=str(image.pk))
    return ListedObject.objects.filter(image=image)


def here_of(listed: Iterable[ListedObject]) -> dict[str, str]:
    """Object id → how the living catalogue stands to it: `same` content there, the `name` taken by other
    content, or `gone`."""
    rows = list(listed)
    content = VirtualImage.objects.filter(recipe__in={row.recipe for row in rows})
    named = VirtualImage.objects.filter(name__in={row.name for row in rows})
    recipes, names = (
        set(content.values_list("recipe", flat=True)),
        set(named.values_list("name", flat=True)),
    )
    return {
        row.object_id: "same" if row.recipe in recipes else "name" if row.name in names else "gone"
        for row in rows
    }


def outbound_paused() -> bool:
    """Whether schedules, pruning and notices wait for an admin who has looked."""
    row = unit_or_none()
    return row is not None and row.outbound_paused


def value_sheet() -> str:
    """The values that open the images found here, one document a line: what a person hands to the desk.

    Values are identifiers, not secrets: whoever holds one can do nothing with it but name it.
    """
    return "".join(f"{value.document}\n" for value in values_on_targets())


def clear_preview(image: BackupImage) -> dict[str, Any]:
    """What the clear, signed header tells anyone: dates, counts, sizes, key; no names."""
    claims = peek(image.header).claims if image.header else {}
    free = shutil.disk_usage(site().root).free
    made_at = image.made_at
    held = KeyEpoch.objects.filter(key_id=image.key_id).exclude(state=KeyEpoch.State.DESTROYED)
    return {
        "image": str(image.pk),
        "serial": image.serial,
        "sequence": image.sequence,
        "made_at": made_at.isoformat() if made_at else None,
        "epoch": image.epoch,
        "key_id": image.key_id,
        "key_here": held.exists(),
        "proof": image.proof,
        "objects": image.object_count,
        "content_bytes": image.content_bytes,
        "stored_bytes": image.stored_bytes,
        "packs": image.pack_count,
        "migrations": claims.get("migrations", {}),
        "release": claims.get("release", ""),
        "values": len(claims.get("values", [])),
        "free_bytes": free,
        "fits": free > image.stored_bytes,
        "state": image.state,
        "verified_at": image.verified_at.isoformat() if image.verified_at else None,
        "freshness": image.target.freshness,
        "fresh_to": image.target.fresh_to.isoformat() if image.target.fresh_to else None,
        "passwords_go_back_to": made_at.isoformat() if made_at else None,
        "as_of": datetime.now(UTC).isoformat(),
    }
