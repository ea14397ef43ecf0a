"""Start a prune of a target, or a dry run that says what it would do."""

from __future__ import annotations

from django.db import transaction

from appliance.backup.errors import NoRetentionPolicy, OutboundIsPaused, TargetIsCopy
from appliance.backup.models import BackupImage, BackupTarget
from appliance.backup.retention.plan import stored_policy
from appliance.unit.selectors import is_outbound_allowed
from audit.actor import Actor
from audit.log import record
from jobs.actions import start_job
from jobs.models import Job


def start_prune(
    target: BackupTarget, *, actor: Actor, dry_run: bool = False, idempotency_key: str | None = None
) -> Job:
    """Refuses at once what is known now; the job looks at the target itself before it deletes anything."""
    if target.copy_of_id is not None:
        raise TargetIsCopy(target=target.name)  # a copy follows its original
    expired = BackupImage.objects.filter(target=target, state=BackupImage.State.EXPIRED)
    if stored_policy(target) is None and not expired.exists():
        raise NoRetentionPolicy(target=target.name)
    if not dry_run and not is_outbound_allowed():
        raise OutboundIsPaused()
    with transaction.atomic():
        job = start_job(
            "backup.prune",
            actor=actor,
            params={"target": str(target.pk), "dry_run": dry_run},
            subject=f"backup-target:{target.pk}",
            idempotency_key=idempotency_key,
        )
        record(
            "backup.prune-started",
            actor=actor,
            subject=f"backup-target:{target.pk}",
            facts={"job": str(job.id), "dry_run": dry_run},
            outcome="intent",
        )
    return job
