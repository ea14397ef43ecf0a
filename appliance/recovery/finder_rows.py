"""Looking things up for the finder, scoped to who asks.

Backups, keys and units are for those who run, recover or audit the unit; virtual images and jobs come through
their own rooms' scoped selectors. Every lookup is one indexed query, or a short list by name.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from appliance.backup.models import BackupImage, BackupTarget
from appliance.backup.needed import images_needing, keys_needed
from appliance.backup.selectors import in_states
from appliance.catalog.models import VirtualImage
from appliance.catalog.selectors import images_for
from appliance.keys.models import KeyEpoch, LodgedValue, ValueDrill
from appliance.recovery.models import Restore, TransferCase
from appliance.unit.models import Unit
from audit.selectors import events
from jobs.selectors import jobs_for
from sealing.jose import peek

if TYPE_CHECKING:
    from accounts.models import User

READERS = ("admin", "auditor", "recovery-operator")
EVENT_READERS = ("admin", "auditor")
LISTED = 10  # of each kind


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing found. `kind` and `id` name it for pages, `api` is its REST address (empty: it has none)."""

    kind: str
    id: str
    title: str
    detail: str = ""
    api: str = ""


@dataclass(frozen=True, slots=True)
class Sees:
    """What a person may see."""

    user: User
    backups: bool
    events: bool

    @classmethod
    def of(cls, user: User) -> Sees:
        return cls(user, user.has_role(*READERS), user.has_role(*EVENT_READERS))


def images(sees: Sees, **by: Any) -> list[Hit]:
    if not sees.backups:
        return []
    return [_image(row) for row in BackupImage.objects.select_related("target").filter(**by)[:LISTED]]


def images_of_key(sees: Sees, key_id: str, most: int) -> tuple[int, list[Hit]]:
    """How many images need the key, and the newest of them."""
    if not sees.backups:
        return 0, []
    found = images_needing(key_id)
    return keys_needed().get(key_id, 0), [_image(row) for row in found[:most]]


def keys(sees: Sees, **by: Any) -> list[Hit]:
    if not sees.backups:
        return []
    return [
        Hit(
            "key",
            row.key_id,
            f"Epoch {row.epoch}",
            f"{row.get_state_display()}, {row.origin}",
            f"/api/v1/keys/{row.key_id}",
        )
        for row in KeyEpoch.objects.filter(**by)[:LISTED]
    ]


def standing_of(sees: Sees, key_id: str) -> list[tuple[str, str]]:
    """Whether this unit opens it, and when it was last proven."""
    if not sees.backups:
        return []
    row = KeyEpoch.objects.filter(key_id=key_id).first()
    if row is None:
        return [("opens here", "no, the key is not on this unit")]
    opens = row.state != KeyEpoch.State.DESTROYED
    facts = [
        ("opens here", "yes" if opens else "no, the key was destroyed"),
        ("key", row.get_state_display()),
    ]
    if row.proof_how:
        at = row.proof_at.isoformat() if row.proof_at else ""
        facts.append(("last proven", f"{row.proof_how} {at}".strip()))
    else:
        facts.append(("last proven", "never"))
    return facts


def values(sees: Sees, **by: Any) -> list[Hit]:
    if not sees.backups:
        return []
    found = []
    for row in LodgedValue.objects.select_related("epoch").filter(**by)[:LISTED]:
        lodged = f"lodged {row.lodged_at.isoformat()}" if row.lodged_at else "not lodged"
        detail = f"of epoch {row.epoch.epoch}, {lodged}" + ("" if row.current else ", sealed anew since")
        api = f"/api/v1/keys/{row.epoch.key_id}/value"
        found.append(Hit("value", row.digest, f"Value of epoch {row.epoch.epoch}", detail, api))
    return found


def keys_of_value(sees: Sees, digest: str) -> list[str]:
    if not sees.backups:
        return []
    return list(LodgedValue.objects.filter(digest=digest).values_list("epoch__key_id", flat=True))


def drills(sees: Sees, **by: Any) -> list[Hit]:
    if not sees.backups:
        return []
    return [
        Hit(
            "drill",
            str(row.pk),
            f"Drill of epoch {row.epoch.epoch}",
            f"{row.get_state_display()}, {row.purpose}",
            f"/api/v1/keys/{row.epoch.key_id}",
        )
        for row in ValueDrill.objects.select_related("epoch").filter(**by)[:LISTED]
    ]


def transfers(sees: Sees, **by: Any) -> list[Hit]:
    if not sees.backups:
        return []
    return [
        Hit("transfer", str(row.pk), "Transfer request", row.get_state_display(), "/api/v1/transfers/current")
        for row in TransferCase.objects.filter(**by)[:LISTED]
    ]


def units(sees: Sees, **by: Any) -> list[Hit]:
    if not sees.backups:
        return []
    return [
        Hit("unit", row.serial, f"This unit, {row.serial}", row.get_state_display(), "/api/v1/unit")
        for row in Unit.objects.filter(**by)
    ]


def serials(sees: Sees, serial: str) -> list[Hit]:
    """This unit, the unit it replaces, and the images of that serial number."""
    if not sees.backups or not serial:
        return []
    found = units(sees, serial=serial)
    found += [
        Hit("unit", serial, f"Unit {serial}", f"replaced by {row.serial}", "/api/v1/unit")
        for row in Unit.objects.filter(replaces_serial=serial)
    ]
    rows = BackupImage.objects.select_related("target").filter(serial=serial)
    return found + [_image(row) for row in in_states(rows, BackupImage.USABLE).order_by("-made_at")[:3]]


def authority(sees: Sees, kid: str) -> list[tuple[str, str]]:
    """How the pinned list stands by an authority key."""
    if not sees.backups:
        return []
    state = _entries().get(kid, {}).get("state", "not in the pinned list")
    return [("authority key's state", str(state))]


def authority_hits(sees: Sees, kid: str) -> list[Hit]:
    entry = _entries().get(kid) if sees.backups else None
    if entry is None:
        return []
    return [Hit("authority-key", kid, f"Authority key for {entry['use']}", entry["state"], "/api/v1/unit")]


def pinned_list(sees: Sees) -> tuple[int, str] | None:
    row = Unit.objects.first() if sees.backups else None
    return None if row is None else (row.authority_list_version, row.authority_list)


def _entries() -> dict[str, dict[str, Any]]:
    row = Unit.objects.first()
    listed = peek(row.authority_list).claims.get("entries", []) if row is not None else []
    return {entry["kid"]: entry for entry in listed}


def virtual_images(sees: Sees, **by: Any) -> list[Hit]:
    return [_virtual(row) for row in images_for(sees.user).filter(**by)[:LISTED]]


def named(sees: Sees, text: str) -> list[Hit]:
    """What bears this in its name."""
    found = [_virtual(row) for row in images_for(sees.user).filter(name__icontains=text)[:LISTED]]
    if sees.backups:
        rows = BackupTarget.objects.filter(Q(name__icontains=text))[:LISTED]
        found += [_target(row) for row in rows]
    return found


def by_id(sees: Sees, text: str) -> list[Hit]:
    """Whatever has this id."""
    pk = uuid.UUID(text)
    found = [_virtual(row) for row in images_for(sees.user).filter(pk=pk)]
    found += [
        Hit("job", str(row.pk), f"Job {row.kind}", row.state, f"/api/v1/jobs/{row.pk}")
        for row in jobs_for(sees.user).filter(pk=pk)
    ]
    if sees.events:
        found += [
            Hit(
                "event",
                str(row.pk),
                f"Event {row.action}",
                f"{row.outcome} by {row.actor_name}, {row.at.isoformat()}",
            )
            for row in events().filter(pk=pk)
        ]
    if sees.backups:
        found += images(sees, pk=pk) + transfers(sees, pk=pk) + drills(sees, pk=pk)
        found += [_target(row) for row in BackupTarget.objects.filter(Q(pk=pk) | Q(repository_id=pk))]
        found += [
            Hit("restore", str(row.pk), "Restore", row.get_state_display(), "/api/v1/recovery")
            for row in Restore.objects.filter(Q(pk=pk) | Q(job_id=pk))
        ]
        found += units(sees, customer_id=pk) + units(sees, appliance_id=pk)
    return list(_once(found))


def _once(hits: Iterable[Hit]) -> Iterable[Hit]:
    return dict.fromkeys(hits)


def _image(row: BackupImage) -> Hit:
    made = row.made_at.isoformat() if row.made_at else "unfinished"
    detail = f"{row.get_state_display()}, epoch {row.epoch}, on {row.target.name}, {made}"
    api = f"/api/v1/backup-images/{row.pk}"
    return Hit("image", str(row.pk), f"Backup image {row.sequence} of {row.serial}", detail, api)


def _target(row: BackupTarget) -> Hit:
    detail = row.get_state_display()
    return Hit("target", str(row.pk), f"Backup target {row.name}", detail, f"/api/v1/backup-targets/{row.pk}")


def _virtual(row: VirtualImage) -> Hit:
    detail = f"{row.get_state_display()}, {row.size} bytes"
    return Hit("virtual-image", str(row.pk), row.name, detail, f"/api/v1/virtual-images/{row.pk}")
