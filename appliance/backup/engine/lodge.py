"""Lodging the newest repository head at the desk: so a unit without memory can tell a rolled-back target."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction
from django.utils import timezone

from appliance.backup.engine import house
from appliance.backup.errors import ReceiptRefused
from appliance.backup.models import BackupImage
from appliance.unit.desk import desk_of
from appliance.unit.errors import DeskNotSet, DeskUnreachable
from appliance.unit.selectors import unit
from audit.log import record
from ground.refusals import Missing
from jobs.actions import start_job
from jobs.handlers import JobContext
from sealing.documents import receipt as receipts
from sealing.errors import Refused

WAITS = (60, 300, 1800, 7200)  # seconds before the desk is asked again; the last one for ever


def lodge_head(ctx: JobContext) -> dict[str, Any]:
    """The handler of `backup.lodge_head`. A desk that is away is no failure: the head waits and tries again.
    Only the newest head of a chain is worth lodging."""
    with house.rows():
        image = BackupImage.objects.filter(pk=ctx.params["image"]).first()
        if image is None:
            raise Missing(image=str(ctx.params["image"]))
        newer = BackupImage.objects.filter(
            target=image.target_id, chain=image.chain, sequence__gt=image.sequence
        ).exclude(head="")
        if image.head_lodged_at is not None or not image.head or newer.exists():
            return {"lodged": image.head_lodged_at is not None, "why": "a newer head stands for it"}
        row = unit()
    try:
        lodged = desk_of(row).lodge_head(image.head)
    except DeskNotSet:
        return {"lodged": False, "why": "no desk is set"}
    except DeskUnreachable as refusal:
        return _later(ctx, image, refusal.title)
    trust = house.trust_of(house.key_process().status())
    try:
        receipts.read(lodged.receipt, trust).require_for(image.head)
    except Refused as error:
        raise ReceiptRefused(layer=error.layer, reason=error.reason) from error
    with house.rows(), transaction.atomic():
        BackupImage.objects.filter(pk=image.pk).update(head_lodged_at=timezone.now())
        record(
            "backup.head-lodged",
            actor=ctx.actor,
            subject=f"backup-image:{image.pk}",
            facts={"sequence": image.sequence},
        )
    return {"lodged": True}


def _later(ctx: JobContext, image: BackupImage, why: str) -> dict[str, Any]:
    turn = int(ctx.params.get("turn", 0))
    at = timezone.now() + dt.timedelta(seconds=WAITS[min(turn, len(WAITS) - 1)])
    with house.rows(), transaction.atomic():
        start_job(
            "backup.lodge_head",
            actor=ctx.actor,
            params={"image": str(image.pk), "turn": turn + 1},
            subject=ctx.subject,
            idempotency_key=f"{ctx.job_id} again",
            not_before=at,
        )
    return {"lodged": False, "why": why, "again_at": at.isoformat()}
