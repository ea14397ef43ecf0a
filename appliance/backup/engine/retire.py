"""Retiring a key: every target is looked at, and the key process judges what lies there.

Rows are asked first, for a quick and plain answer; what decides is the evidence that the key process checks.
A target that does not answer, or shows less than is known, keeps the key alive.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction

from appliance.backup.engine import house
from appliance.backup.engine.deletions import records_on
from appliance.backup.engine.prune import require_listing
from appliance.backup.engine.repository import chain_name
from appliance.backup.engine.survey import survey
from appliance.backup.errors import HeaderMissing
from appliance.backup.models import BackupImage, BackupTarget
from appliance.backup.needed import images_needing
from appliance.keys.engine.sync import sync
from appliance.keys.errors import KeyNeeded
from audit.log import record
from jobs.handlers import JobContext


def retire(ctx: JobContext) -> dict[str, Any]:
    """The handler of `keys.retire`."""
    key_id, why = str(ctx.params["key_id"]), str(ctx.params["why"])
    with house.rows():
        refuse_if_needed(key_id)
        targets = list(BackupTarget.objects.order_by("name"))
    evidence: dict[str, None] = {}
    for done, row in enumerate(targets):
        ctx.check()
        ctx.progress("looking at targets", done, len(targets), "targets")
        evidence.update(dict.fromkeys(_documents(row)))
    keys = house.key_process()
    facts = {
        "key_id": key_id,
        "targets": [row.name for row in targets],
        "documents": len(evidence),
        "why": why,
    }
    with house.rows(), transaction.atomic():
        refuse_if_needed(key_id)
        record("keys.retiring", actor=ctx.actor, subject=f"key:{key_id}", facts=facts, outcome="intent")
    keys.destroy(key_id, who=ctx.actor.name, why=why, evidence=list(evidence))
    with house.rows():
        sync(actor=ctx.actor, keys=keys)
        with transaction.atomic():
            record("keys.retired", actor=ctx.actor, subject=f"key:{key_id}", facts=facts)
    return {"key_id": key_id, "targets": len(targets), "documents": len(evidence)}


def refuse_if_needed(key_id: str) -> None:
    """As far as rows know."""
    needing = images_needing(key_id)
    newest = needing.first()
    if newest is not None:
        made_at = newest.made_at.isoformat() if newest.made_at else None
        raise KeyNeeded(key_id=key_id, images=needing.count(), newest_made_at=made_at, on=newest.target.name)


def _documents(row: BackupTarget) -> list[str]:
    """Every header and deletion record on a target, which is all there that is known."""
    status = house.key_process().status()
    trust, customer = house.trust_of(status), house.customer_of(status)
    target, marker = house.open_checked(row, customer=customer, write=False)
    with house.rows():
        rows = row.images.filter(state__in=BackupImage.RESTORABLE, deletion="")
        known: dict[uuid.UUID, int] = dict(
            rows.exclude(problem__code=HeaderMissing.code).values_list("pk", "sequence")
        )
    judgement = survey(row, target, marker, trust=trust, own_chain=chain_name(status.certificate_thumbprint))
    require_listing(judgement, known)
    records = records_on(target, trust=trust, repository=marker.repository, customer=marker.customer)
    there = {(found.place.chain, found.place.sequence) for found in judgement.images}
    deleted = [
        entry.text
        for chain, by_sequence in records.by_chain.items()
        for sequence, entry in by_sequence.items()
        if (chain, sequence) not in there
    ]
    return [found.signed.text for found in judgement.images] + deleted
