"""Change a target's name or settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from appliance.backup.actions.add_target import check_settings
from appliance.backup.actions.connect_target import connect_target
from appliance.backup.errors import TargetNameTaken
from appliance.backup.models import BackupTarget
from audit.actor import Actor
from audit.log import record


def edit_target(
    target: BackupTarget,
    *,
    actor: Actor,
    name: str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> BackupTarget:
    """Other settings lead to the same repository at another place: the marker is compared on connecting,
    and another repository there is refused."""
    if settings is not None:
        check_settings(target.kind, settings)
        target.settings = dict(settings)
    if name is not None:
        target.name = name.strip()
    with transaction.atomic():
        try:
            with transaction.atomic():
                target.save(update_fields=["name", "settings"])
        except IntegrityError as error:
            raise TargetNameTaken(name=target.name) from error
        facts = {"name": target.name, "settings": target.settings}
        record("backup.target-changed", actor=actor, subject=f"backup-target:{target.id}", facts=facts)
        if settings is not None:
            connect_target(target, actor=actor)
    return target
