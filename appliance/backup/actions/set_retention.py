"""Say what a target keeps."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from appliance.backup.errors import BadRetentionRule
from appliance.backup.models import BackupTarget, RetentionPolicy
from appliance.backup.retention.policy import RULES, Policy
from audit.actor import Actor
from audit.log import record

MOST_GRACE_DAYS = 3650


def set_retention(
    target: BackupTarget, *, actor: Actor, policy: Policy, grace_days: int = 7, quota_percent: int = 50
) -> RetentionPolicy:
    """Store the policy; the next prune goes by it. `grace_days`: how long an expired image can be brought
    back; `quota_percent`: how much of the target's images one run may delete at most."""
    policy.check()
    if not 0 <= grace_days <= MOST_GRACE_DAYS:
        raise BadRetentionRule(rule="grace_days", least=0, most=MOST_GRACE_DAYS)
    if not 1 <= quota_percent <= 100:
        raise BadRetentionRule(rule="quota_percent", least=1, most=100)
    values = {rule: getattr(policy, rule) for rule in RULES} | {
        "time_zone": policy.time_zone,
        "grace_days": grace_days,
        "quota_percent": quota_percent,
    }
    with transaction.atomic():
        row, _ = RetentionPolicy.objects.update_or_create(
            target=target, defaults={**values, "changed_by": actor.name, "changed_at": timezone.now()}
        )
        record(
            "backup.retention-changed", actor=actor, subject=f"backup-target:{target.pk}", facts=dict(values)
        )
    return row
