"""Asking for a transfer and installing it. The key process decides; the rows follow."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from appliance.backup.engine import house
from appliance.backup.models import BackupTarget
from appliance.keys.client import Installed, KeyProcess
from appliance.keys.engine.sync import sync
from appliance.recovery.errors import NoSuchRequest
from appliance.recovery.models import TransferCase
from appliance.unit.actions.move_unit import move_unit
from appliance.unit.desk import desk_of
from appliance.unit.errors import DeskNotSet, DeskRefused, DeskUnreachable
from appliance.unit.models import Unit
from appliance.unit.selectors import unit
from audit.log import record
from ground.db.transitions import swap
from ground.refusals import Refusal
from jobs.actions import start_job
from jobs.handlers import JobContext
from sealing.jose import digest

WAITING = (TransferCase.State.REQUESTED, TransferCase.State.COLLECTED)


def request_transfer(ctx: JobContext) -> dict[str, Any]:
    """The handler of `recovery.request`: a signed request with a fresh nonce; sent to the desk if there is
    one, else it travels as a file. A newer request supersedes the older ones."""
    keys = house.key_process()
    text = keys.transfer_request()
    with house.rows(), transaction.atomic():
        TransferCase.objects.filter(state__in=WAITING).update(state=TransferCase.State.SUPERSEDED)
        case = TransferCase.objects.create(request=text, request_digest=digest(text))
        record(
            "recovery.requested",
            actor=ctx.actor,
            subject=f"transfer:{case.pk}",
            facts={"request": case.request_digest},
        )
        row = unit()
    sent = send_request(case, row)
    return {"case": str(case.pk), "request_digest": case.request_digest, "sent": sent}


def send_request(case: TransferCase, row: Unit) -> bool:
    """Announce the request at the desk; a desk that is away or not set is no failure, it is said."""
    try:
        desk_of(row).send_transfer_request(case.request)
    except (DeskNotSet, DeskUnreachable, DeskRefused) as refusal:
        problem = refusal.as_dict()
        with house.rows():
            TransferCase.objects.filter(pk=case.pk).update(problem=problem)
        return False
    with house.rows():
        TransferCase.objects.filter(pk=case.pk).update(sent_at=timezone.now(), problem=None)
    return True


def install_transfer(ctx: JobContext) -> dict[str, Any]:
    """The handler of `recovery.install`. Safe to be killed anywhere: the key process stores keys and
    consumes the nonce in one step, and gives the same receipt again."""
    keys = house.key_process()
    with house.rows():
        case = TransferCase.objects.filter(pk=ctx.params["case"]).first()
    if case is None or not case.transfer:
        raise NoSuchRequest()
    try:
        installed = _install(ctx, keys, case)
    except Refusal as refusal:
        with house.rows(), transaction.atomic():
            TransferCase.objects.filter(pk=case.pk, state=TransferCase.State.COLLECTED).update(
                state=TransferCase.State.REQUESTED, transfer="", problem=refusal.as_dict()
            )
            record(
                "recovery.transfer-refused",
                actor=ctx.actor,
                subject=f"transfer:{case.pk}",
                facts=refusal.as_dict(),
                outcome="refused",
            )
        raise
    with house.rows():
        sync(actor=ctx.actor, keys=keys)
    with house.rows(), transaction.atomic():
        if unit().state == Unit.State.BLANK:
            move_unit(
                actor=ctx.actor, to=Unit.State.KEYED, expected=Unit.State.BLANK, why="transfer installed"
            )
        facts = installed.facts
        if swap(
            case,
            "state",
            TransferCase.State.COLLECTED,
            TransferCase.State.INSTALLED,
            receipt=installed.receipt,
            installed_at=timezone.now(),
            ticket=facts["ticket"]["id"],
            source={**facts["source"], "keys": facts["keys"], "customer": facts["customer"]},
            heads=list(facts["heads"]),
            problem=None,
        ):
            record(
                "recovery.installed",
                actor=ctx.actor,
                subject=f"transfer:{case.pk}",
                facts={
                    "ticket": case.ticket,
                    "source": facts["source"]["serial"],
                    "keys": list(installed.key_ids),
                },
            )
        start_job(
            "recovery.deliver",
            actor=ctx.actor,
            params={"case": str(case.pk)},
            subject=f"transfer:{case.pk}",
            idempotency_key=f"receipt {case.pk}",
        )
        # The newest heads and the customer are known now: look at the targets again.
        for target in BackupTarget.objects.all():
            start_job(
                "backup.survey",
                actor=ctx.actor,
                params={"target": str(target.pk)},
                subject=f"backup-target:{target.pk}",
                idempotency_key=f"installed {case.pk} {target.pk}",
            )
    return {
        "case": str(case.pk),
        "keys": len(installed.key_ids),
        "source": installed.facts["source"]["serial"],
    }


def _install(ctx: JobContext, keys: KeyProcess, case: TransferCase) -> Installed:
    before = keys.installation()
    if before is not None and before.facts.get("digest") == digest(case.transfer):
        return before
    with house.rows(), transaction.atomic():
        # The intent stands before a key enters.
        record("recovery.install", actor=ctx.actor, subject=f"transfer:{case.pk}", outcome="intent")
    return keys.install_transfer(case.transfer, who=f"{ctx.actor.kind} {ctx.actor.name}")
