"""What may be asked about backups. Targets and images are the unit's, not a person's: roles are checked at
the edge, so nothing here is scoped by user."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.utils import timezone

from appliance.backup.carried import carried_files as carried_files
from appliance.backup.carried import directory
from appliance.backup.errors import KeyNotProven, MustRotate, NoActiveKey
from appliance.backup.models import BackupImage, BackupTarget, RetentionPolicy
from appliance.backup.needed import images_needing as images_needing
from appliance.backup.needed import keys_needed as keys_needed
from appliance.backup.retention import Plan, Policy, Simulation, occurrences
from appliance.backup.retention import plan as plans
from appliance.backup.retention import simulate as simulate_policy
from appliance.backup.retention.simulate import DAYS_IN_MONTH, MOST_MONTHS
from appliance.backup.tally import count_on_target, images_by_key, newest_on_target
from appliance.keys import selectors as keys
from appliance.unit import selectors as units
from ground.refusals import Missing, Refusal
from sealing.jose import peek

Row = TypeVar("Row", bound=Model)


def targets() -> QuerySet[BackupTarget]:
    """All targets, each with the number of usable images and the date of the newest."""
    usable = BackupImage.USABLE
    return BackupTarget.objects.annotate(
        image_count=count_on_target(usable), newest_at=newest_on_target(usable)
    )


def uses() -> QuerySet[BackupTarget]:
    """Targets with what was last seen of their packs (`use`, if anybody looked), by name."""
    return BackupTarget.objects.select_related("use", "retention", "copy_of__retention").order_by("name")


def carried_directory() -> Path:
    """Where carried images are written to and taken from."""
    return directory()


def target(pk: uuid.UUID | str) -> BackupTarget:
    """One target, or `Missing`."""
    return _one(targets(), pk)


def are_targets_open() -> bool:
    """Whether a recovery operator may change targets: only on a unit that does not protect anything yet."""
    row = units.unit_or_none()
    return row is not None and row.state in ("blank", "keyed")


def images(of: BackupTarget | None = None) -> QuerySet[BackupImage]:
    """Images that are on targets or on their way there, newest first."""
    rows = BackupImage.objects.select_related("target").exclude(state=BackupImage.State.ABANDONED)
    return rows if of is None else rows.filter(target=of)


def in_states(rows: QuerySet[BackupImage], states: Iterable[str]) -> QuerySet[BackupImage]:
    """Rows in one of these states, for lists by time.

    Said as the states they are not in: for an IN, SQLite takes the index of states and sorts all it finds
    there, which is nearly every image; so it goes along the index of times and stops after a page.
    """
    wanted = set(states)
    return rows.exclude(state__in=[state for state in BackupImage.State.values if state not in wanted])


def usable_by_key() -> dict[str, int]:
    """Key id → number of usable images; a key that opens none is not in it."""
    return images_by_key(BackupImage.USABLE)


def image(pk: uuid.UUID | str) -> BackupImage:
    """One image, or `Missing`."""
    return _one(images(), pk)


def _one(rows: QuerySet[Row], pk: uuid.UUID | str) -> Row:
    try:
        found = rows.filter(pk=pk).first()
    except ValidationError as error:
        raise Missing(id=str(pk)[:64]) from error
    if found is None:
        raise Missing(id=str(pk)[:64])
    return found


def require_backup_allowed() -> None:
    """Raise the refusal that keeps a backup from being made now, as far as rows tell; the job asks the key
    process itself."""
    if units.unit().state == "must_rotate":
        raise MustRotate()
    epoch = keys.active_epoch()
    if epoch is None:
        raise NoActiveKey()
    if not (epoch.is_proven and epoch.durable):
        raise KeyNotProven(epoch=epoch.epoch)


def why_no_backup() -> Refusal | None:
    """The same as an answer, for pages that explain a disabled button."""
    try:
        require_backup_allowed()
    except Refusal as refusal:
        return refusal
    return None


@dataclass(frozen=True, slots=True)
class ValueOnTarget:
    """An escrow value gathered from image headers: what a person hands to the desk."""

    key_id: str
    epoch: int
    serial: str
    customer: str
    authority_key: str
    images: int
    newest_image_at: str
    document: str


def values_on_targets(rows: Iterable[BackupImage] | None = None) -> list[ValueOnTarget]:
    """Every distinct value in the headers of usable images, newest epoch first.

    The headers were verified when the target was connected; the values in them are verified by the desk
    and by custody, so their claims are shown here as what they say of themselves.
    """
    found: dict[str, list[BackupImage]] = {}
    for row in rows if rows is not None else images().filter(state__in=BackupImage.USABLE):
        for document in peek(row.header).claims.get("values", []) if row.header else []:
            found.setdefault(document, []).append(row)
    listed = []
    for document, having in found.items():
        newest = max(having, key=lambda row: (row.epoch, row.sequence))
        says = peek(document)
        listed.append(
            ValueOnTarget(
                key_id=newest.key_id,
                epoch=newest.epoch,
                serial=newest.serial,
                customer=str(newest.customer_id),
                authority_key=str(says.header.get("authority", "")),
                images=len(having),
                newest_image_at=newest.made_at.isoformat() if newest.made_at else "",
                document=document,
            )
        )
    return sorted(listed, key=lambda value: (-value.epoch, value.serial, value.authority_key))


# ---- retention -------------------------------------------------------------------------------------


def retention_of(of: BackupTarget) -> RetentionPolicy | None:
    """The policy of a target, if it has one; without one nothing on it expires."""
    return plans.stored_policy(of)


def plan_of(of: BackupTarget, policy: Policy | None = None) -> Plan | None:
    """What the policy (or a draft of one) says of the target's images now; None without any."""
    if policy is None:
        stored = plans.stored_policy(of)
        if stored is None:
            return None
        policy = plans.policy_of(stored)
    return plans.plan_of(of, policy)


def simulate(
    of: BackupTarget,
    policy: Policy,
    *,
    months: int = 3,
    every_hours: int | None = None,
    at: time | None = None,
    runs: Iterable[datetime] | None = None,
) -> Simulation:
    """What a draft would keep, day by day, of the images there are and those a schedule would make: every
    so many hours, daily at a time of the policy's zone (02:30 unless told), or the times given."""
    policy.check()
    now = timezone.now()
    if runs is None:
        until = now + timedelta(days=max(1, min(months, MOST_MONTHS)) * DAYS_IN_MONTH)
        runs = occurrences(now, until, zone=policy.time_zone, every_hours=every_hours, at=at)
    return simulate_policy(policy, plans.facts_of(of), runs=runs, now=now, months=months)
