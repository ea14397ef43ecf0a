"""Add a backup target and connect it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction

from appliance.backup.actions.connect_target import connect_target
from appliance.backup.errors import BadTargetSettings, TargetNameTaken
from appliance.backup.models import BackupTarget
from appliance.backup.targets import open_target
from audit.actor import Actor
from audit.log import record
from config.site import site


def check_settings(kind: str, settings: Mapping[str, Any]) -> None:
    """Refuse settings that cannot be right, without touching the storage."""
    open_target(kind, settings)
    if kind == "directory":
        place, own = Path(settings["path"]), site().root.resolve()
        # A backup inside the unit's own site dies with it, and could write over what it saves.
        if place.is_relative_to(own) or own.is_relative_to(place):
            raise BadTargetSettings(setting="path", why="it lies in the unit's own site")


def add_target(*, actor: Actor, name: str, kind: str, settings: Mapping[str, Any]) -> BackupTarget:
    """A new target; a job then connects it, and tells what it found in the target's state."""
    check_settings(kind, settings)
    with transaction.atomic():
        try:
            with transaction.atomic():  # only the name may collide here; anything else is no refusal
                target = BackupTarget.objects.create(name=name.strip(), kind=kind, settings=dict(settings))
        except IntegrityError as error:
            raise TargetNameTaken(name=name.strip()) from error
        facts = {"name": target.name, "kind": kind, "settings": dict(settings)}
        record("backup.target-added", actor=actor, subject=f"backup-target:{target.id}", facts=facts)
        connect_target(target, actor=actor)
    return target
