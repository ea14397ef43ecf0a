"""Telling the desk: the installation receipt and the recovery report, each tried until the desk has it."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from typing import Any

from django.db import transaction
from django.utils import timezone

from appliance.backup.engine import house
from appliance.backup.models import BackupImage
from appliance.keys.client import KeyProcess
from appliance.recovery.models import RecoveryReport, TransferCase
from appliance.unit.desk import desk_of
from appliance.unit.errors import DeskNotSet, DeskUnreachable
from appliance.unit.selectors import unit
from audit.actor import Actor
from audit.log import record
from ground.db.transitions import swap
from ground.refusals import Missing
from jobs.actions import start_job
from jobs.handlers import JobContext
from sealing.documents import image_header
from sealing.documents import report as reports
from sealing.jose import digest

WAITS = (30, 120, 600, 3600)  # seconds before the desk is asked again; the last one for ever


def deliver(ctx: JobContext) -> dict[str, Any]:
    """The handler of `recovery.deliver`: params name a `case` (its receipt) or a `report`."""
    if "case" in ctx.params:
        return _deliver_receipt(ctx)
    return _deliver_report(ctx)


def _deliver_receipt(ctx: JobContext) -> dict[str, Any]:
    with house.rows():
        case = TransferCase.objects.filter(pk=ctx.params["case"]).first()
        row = unit()
    if case is None:
        raise Missing(case=str(ctx.params["case"]))
    if case.state != TransferCase.State.INSTALLED:
        return {"delivered": case.state == TransferCase.State.REPORTED}
    try:
        desk_of(row).send_installation(case.receipt)
    except DeskNotSet:
        return {"delivered": False, "why": "no desk is set; the receipt travels as a file"}
    except DeskUnreachable as refusal:
        return _later(ctx, refusal.title)
    with house.rows(), transaction.atomic():
        if swap(
            case,
            "state",
            TransferCase.State.INSTALLED,
            TransferCase.State.REPORTED,
            reported_at=timezone.now(),
        ):
            record("recovery.receipt-delivered", actor=ctx.actor, subject=f"transfer:{case.pk}")
    return {"delivered": True}


def _deliver_report(ctx: JobContext) -> dict[str, Any]:
    with house.rows():
        report = RecoveryReport.objects.filter(pk=ctx.params["report"]).first()
        row = unit()
    if report is None:
        raise Missing(report=str(ctx.params["report"]))
    if report.state != RecoveryReport.State.SIGNED:
        return {"delivered": report.state == RecoveryReport.State.DELIVERED}
    try:
        desk_of(row).send_report(report.document)
    except DeskNotSet:
        return {"delivered": False, "why": "no desk is set; the report travels as a file"}
    except DeskUnreachable as refusal:
        return _later(ctx, refusal.title)
    states = RecoveryReport.State
    with house.rows(), transaction.atomic():
        if swap(report, "state", states.SIGNED, states.DELIVERED, delivered_at=timezone.now()):
            record("recovery.report-delivered", actor=ctx.actor, subject=f"restore:{report.restore_id}")
    return {"delivered": True}


def _later(ctx: JobContext, why: str) -> dict[str, Any]:
    turn = int(ctx.params.get("turn", 0))
    at = timezone.now() + dt.timedelta(seconds=WAITS[min(turn, len(WAITS) - 1)])
    with house.rows(), transaction.atomic():
        start_job(
            ctx.kind,
            actor=ctx.actor,
            params={**ctx.params, "turn": turn + 1},
            subject=ctx.subject,
            idempotency_key=f"{ctx.job_id} again",
            not_before=at,
        )
    return {"delivered": False, "why": why, "again_at": at.isoformat()}


def image_verified(image_id: uuid.UUID) -> None:
    """Called after an image was verified in full: if a recovery waits for its evidence and this image is it,
    start the job that signs the report."""
    with house.rows():
        image = BackupImage.objects.filter(pk=image_id, own=True, state=BackupImage.State.VERIFIED).first()
        due = RecoveryReport.objects.filter(state=RecoveryReport.State.DUE).select_related("restore").first()
        finished = due.restore.finished_at if due is not None else None
        if image is None or due is None or finished is None or image.created_at < finished:
            return
        with transaction.atomic():
            start_job(
                "recovery.report",
                actor=Actor.system("recovery"),
                params={"report": str(due.pk), "image": str(image.pk)},
                subject=f"restore:{due.restore_id}",
                idempotency_key=f"report {due.pk} {image.pk}",
            )


def sign_report(ctx: JobContext) -> dict[str, Any]:
    """The handler of `recovery.report`: have the key process sign the evidence, then send it."""
    keys = house.key_process()
    with house.rows():
        report = RecoveryReport.objects.select_related("restore").filter(pk=ctx.params["report"]).first()
        image = BackupImage.objects.filter(pk=ctx.params["image"]).first()
    if report is None or image is None:
        raise Missing(report=str(ctx.params["report"]))
    if report.state == RecoveryReport.State.DUE:
        text = reports.issue(_claims(keys, report, image), keys.signer())
        with house.rows(), transaction.atomic():
            if swap(report, "state", RecoveryReport.State.DUE, RecoveryReport.State.SIGNED, document=text):
                record("recovery.report-signed", actor=ctx.actor, subject=f"restore:{report.restore_id}")
    with house.rows(), transaction.atomic():
        start_job(
            "recovery.deliver",
            actor=ctx.actor,
            params={"report": str(report.pk)},
            subject=ctx.subject,
            idempotency_key=f"report {report.pk}",
        )
    return {"report": str(report.pk)}


def _claims(keys: KeyProcess, report: RecoveryReport, image: BackupImage) -> reports.RecoveryReport:
    status = keys.status()
    trust = house.trust_of(status)
    installed = keys.installation()
    if installed is None or status.active is None:
        raise Missing(transfer="none was installed here")
    header = image_header.read(image.header, trust)
    back = report.restore.counts
    proof = status.active.proof or {}
    return reports.RecoveryReport(
        serial=status.serial,
        customer=header.header.customer,
        appliance=header.header.appliance,
        ticket=installed.facts["ticket"]["id"],
        transfer=installed.facts["digest"],
        restored=reports.Restored(
            image=str(report.restore.image_id),
            header=back["header"],
            sequence=back["sequence"],
            objects=back["objects"],
            size=back["content_bytes"],
            chunks=back["chunks"],
        ),
        new=reports.NewEpoch(
            key_id=status.active.key_id,
            epoch=status.active.epoch,
            values=tuple(digest(value) for value in header.header.values),
            drill=proof["detail"] if proof.get("how") == "drilled" else None,
        ),
        first_image=header.digest,
        iat=int(time.time()),
    )
