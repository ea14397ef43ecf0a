"""What a job of this room works with: the key process, the store, the trust anchors, a target opened and
checked. One place, so that handlers and tests build them the same way."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from appliance.backup.credentials import FIELD as CREDENTIALS
from appliance.backup.engine.chain import KnownHead
from appliance.backup.engine.repository import chain_name
from appliance.backup.models import BackupTarget
from appliance.backup.targets import Target, open_target
from appliance.backup.targets.limited import LimitedTarget, bucket_of
from appliance.backup.targets.marker import Marker, open_repository
from appliance.content.engine import opening
from appliance.content.engine.store import Store
from appliance.keys.client import EngineKeys, ImageKeys, KeyProcess, Status
from appliance.keys.engine.process import key_process
from appliance.keys.engine.secrets import Opener
from ground.db.parking import unit_of_work
from ground.refusals import Refusal
from sealing.content.header import ImageHeader
from sealing.content.keys import HeldKeys, SealingKey
from sealing.encoding import from_b64u
from sealing.trust import Trust

RELEASE = "0.1.0"  # of this program, as headers name it; docs only, nothing is decided by it


def rows() -> AbstractContextManager[None]:
    """One unit of work with the database; between two of them the writers' gate is free, so that a job of
    hours never keeps a switch waiting."""
    return unit_of_work()


@contextmanager
def open_store() -> Iterator[tuple[Store, EngineKeys]]:
    """The unit's store as its one writer, with the keys it works under."""
    keys = opening.engine_keys()
    with opening.open_store(keys) as store:
        yield store, keys


def trust_of(status: Status) -> Trust:
    """What this unit believes: its pinned root and the authority list pinned under it."""
    return Trust(from_b64u(status.root), status.authority_list)


def customer_of(status: Status) -> uuid.UUID | None:
    """Whose unit this is; None while it is blank."""
    return None if status.customer is None else uuid.UUID(status.customer["id"])


def heads_of(transfer: Mapping[str, Any], repository: str) -> list[KnownHead]:
    """What a transfer's claims say about the newest image of its source on a repository."""
    source = transfer["source"]
    return [
        KnownHead(
            sequence=head["sequence"],
            made_at=datetime.fromtimestamp(head["made_at"], UTC),
            serial=source["serial"],
            chain=chain_name(source["certificate"]),
            digest=head["header"],
            source="the transfer",
        )
        for head in transfer["heads"]
        if head["target"] == repository
    ]


def open_checked(
    row: BackupTarget, *, customer: uuid.UUID | None, write: bool, create: bool = False
) -> tuple[Target, Marker]:
    """The target of a row and its marker, checked; the row's state says what came of it.

    `customer` is None on a blank unit, which belongs to nobody yet: it may look at any repository.
    """
    try:
        target = open_row(row)
        with rows():
            original = row.copy_of.repository_id if row.copy_of is not None else None
        marker = open_repository(
            target,
            customer=customer,
            expected=row.repository_id,
            create=create and customer is not None,
            copy_of=original,
        )
        if write:
            target.probe(write=True)
        free = target.free_bytes()
    except Refusal as refusal:
        note_state(row, refusal)
        raise
    with rows():
        if row.repository_id is None and row.copy_of_id is None:
            # The same repository at a second place is a copy of it, whoever made it: two writers that do not
            # know each other would break its chains.
            known = BackupTarget.objects.filter(repository_id=marker.repository, copy_of=None)
            first = known.exclude(pk=row.pk).order_by("created_at").first()
            BackupTarget.objects.filter(pk=row.pk).update(copy_of=first)
        BackupTarget.objects.filter(pk=row.pk).update(
            state=BackupTarget.State.READY,
            problem=None,
            checked_at=timezone.now(),
            repository_id=marker.repository,
            customer_id=marker.customer,
            free_bytes=free,
        )
        row.refresh_from_db()
    return target, marker


def open_row(row: BackupTarget) -> Target:
    """The target of a row, with its credentials opened and its limit kept; touches no storage yet."""
    credentials: dict[str, str] = {}
    if row.credentials:
        credentials = json.loads(Opener().open(CREDENTIALS, row.pk, row.credentials))
    target = open_target(row.kind, row.settings, credentials, private=row.private_addresses)
    if row.bandwidth is None:
        return target
    return LimitedTarget(target, bucket_of(str(row.pk), row.bandwidth))


def note_state(row: BackupTarget, refusal: Refusal) -> None:
    """Remember on the row why the target was of no use."""
    with rows():
        BackupTarget.objects.filter(pk=row.pk).update(
            state=BackupTarget.State.REFUSED, problem=refusal.as_dict(), checked_at=timezone.now()
        )


def image_keys(keys: KeyProcess, header: ImageHeader, *, adopt: bool = False) -> ImageKeys:
    """The keys of an image, unwrapped by the key process from its header. With `adopt`, at a restore, the
    keyring keeps the data keys: the store needs them from then on."""
    return keys.unwrap_image(key_id=header.key_id, wrapped=header.wrapped, adopt=adopt)


def held(keys: EngineKeys) -> HeldKeys:
    """The unit's own content keys."""
    return opening.content_keys(keys)


def held_by_image(keys: ImageKeys) -> HeldKeys:
    """An image's content keys as pack readers want them: they open, they never seal."""
    return HeldKeys(None, keys.data_keys, keys.id_keys)


def manifest_key(keys: ImageKeys) -> SealingKey:
    """The image's own key, under which its manifest is sealed."""
    return SealingKey(keys.image_key_id, keys.image_key)


__all__ = [
    "RELEASE",
    "KeyProcess",
    "customer_of",
    "heads_of",
    "held",
    "held_by_image",
    "image_keys",
    "key_process",
    "manifest_key",
    "note_state",
    "open_checked",
    "open_row",
    "open_store",
    "rows",
    "trust_of",
]
