"""Start a collection in the content store, or a dry run that says what it would free."""

from __future__ import annotations

from django.db import transaction

from appliance.content.collection import KIND, Plan
from appliance.content.errors import CollectionPaused
from appliance.unit.selectors import is_outbound_allowed, require_state
from audit.actor import Actor
from audit.log import record
from jobs.actions import start_job
from jobs.models import Job


def start_collection(plan: Plan | None = None, *, actor: Actor, idempotency_key: str | None = None) -> Job:
    """Refuses at once what is known now; the job looks at the store itself before it removes anything."""
    plan = plan or Plan()
    if not plan.dry_run:
        require_state("in_service")
        if not is_outbound_allowed():
            raise CollectionPaused()
    with transaction.atomic():
        job = start_job(
            KIND,
            actor=actor,
            params=plan.as_params(),
            # A look that went well says nothing about a collection that failed: notices go by the subject.
            subject="content-store:look" if plan.dry_run else "content-store",
            idempotency_key=idempotency_key,
        )
        record(
            "content.collection-started",
            actor=actor,
            subject="content-store",
            facts={"job": str(job.id), **plan.as_params()},
            outcome="intent",
        )
    return job
