"""Add a backup target and connect it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from appliance.backup.actions.connect_target import connect_target
from appliance.backup.credentials import seal_credentials
from appliance.backup.errors import BadTargetSettings, CopyRefused, TargetNameTaken
from appliance.backup.models import BackupTarget
from appliance.backup.targets import check_credentials, open_target
from appliance.backup.targets.limited import LEAST
from appliance.unit.secrets import fingerprint_of
from audit.actor import Actor
from audit.log import record
from config.site import site


def check_settings(kind: str, settings: Mapping[str, Any], *, private: bool = False) -> None:
    """Refuse settings that cannot be right, without touching the storage."""
    open_target(kind, settings, private=private)
    if kind == "directory":
        place, own = Path(settings["path"]), site().root.resolve()
        # A backup inside the unit's own site dies with it, and could write over what it saves.
        if place.is_relative_to(own) or own.is_relative_to(place):
            raise BadTargetSettings(setting="path", why="it lies in the unit's own site")


def check_bandwidth(bandwidth: int | None) -> None:
    """Refuse a limit under which no backup ends."""
    if bandwidth is not None and not LEAST <= bandwidth < 1 << 50:
        raise BadTargetSettings(setting="bandwidth", least=LEAST)


def add_target(
    *,
    actor: Actor,
    name: str,
    kind: str,
    settings: Mapping[str, Any],
    credentials: Mapping[str, str] | None = None,
    private_addresses: bool = False,
    bandwidth: int | None = None,
    copy_of: BackupTarget | None = None,
) -> BackupTarget:
    """A new target; a job then connects it, and tells what it found in the target's state.

    `private_addresses` is the admin's word that loopback and private addresses may be called for it. With
    `copy_of` it will hold a copy of that target's repository, and no backup is ever written to it.
    """
    check_settings(kind, settings, private=private_addresses)
    check_credentials(kind, credentials or {})
    check_bandwidth(bandwidth)
    if copy_of is not None and (copy_of.repository_id is None or copy_of.copy_of_id is not None):
        raise CopyRefused(why="the original is not connected yet, or is a copy itself", source=copy_of.name)
    target = BackupTarget(
        name=name.strip(),
        kind=kind,
        settings=dict(settings),
        private_addresses=private_addresses,
        bandwidth=bandwidth,
        copy_of=copy_of,
    )
    if credentials:
        target.credentials = seal_credentials(target.pk, credentials)
        target.credentials_set_at = timezone.now()
    with transaction.atomic():
        try:
            with transaction.atomic():  # only the name may collide here; anything else is no refusal
                target.save(force_insert=True)
        except IntegrityError as error:
            raise TargetNameTaken(name=name.strip()) from error
        facts = {
            "name": target.name,
            "kind": kind,
            "settings": dict(settings),
            "private_addresses": private_addresses,
            "credentials": fingerprint_of(target.credentials),
            "copy_of": copy_of.name if copy_of is not None else None,
        }
        record("backup.target-added", actor=actor, subject=f"backup-target:{target.id}", facts=facts)
        connect_target(target, actor=actor)
    return target
