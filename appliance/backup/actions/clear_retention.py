"""End a target's retention policy."""

from __future__ import annotations

from django.db import transaction

from appliance.backup.models import BackupTarget, RetentionPolicy
from audit.actor import Actor
from audit.log import record


def clear_retention(target: BackupTarget, *, actor: Actor) -> None:
    """Without a policy nothing on the target expires. What is marked already stays marked."""
    with transaction.atomic():
        removed, _ = RetentionPolicy.objects.filter(target=target).delete()
        if removed:
            record("backup.retention-cleared", actor=actor, subject=f"backup-target:{target.pk}")
