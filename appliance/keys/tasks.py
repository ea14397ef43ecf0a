"""Job handlers about keys and unit: they speak to the key process and to the desk. Loaded by workers only."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable
from typing import Any

from celery.signals import worker_ready
from django.db import connections, transaction
from django.utils import timezone

from appliance.unit.actions.move_unit import move_unit
from appliance.unit.desk import Desk, desk_of
from appliance.unit.errors import DeskNotSet, DeskUnreachable
from appliance.unit.models import Unit
from appliance.unit.selectors import unit
from audit.actor import Actor
from audit.log import record
from ground.refusals import Refusal
from jobs.actions import start_job
from jobs.handlers import JobContext, handler
from jobs.models import Job

from .engine.drills import run_drill
from .engine.process import key_process
from .engine.rotation import Rotation
from .engine.sync import sync
from .refusals import DrillUnanswered
from .selectors import epoch

log = logging.getLogger(__name__)
DRILL_AGAIN = dt.timedelta(minutes=30)


@handler("keys.rotate", exclusive="keys")
def rotate(ctx: JobContext) -> dict[str, Any]:
    """R0 to R8; run again after a crash it goes on where the keyring stands."""

    def told(step: str, number: int, of: int) -> None:
        ctx.check()
        ctx.progress(step, number, of, unit="steps")

    rotation = Rotation(
        job_id=str(ctx.job_id),
        actor=ctx.actor,
        params=ctx.params,
        keys=key_process(),
        desk=_desk(),
        told=told,
        log=ctx.log,
        check=ctx.check,
        pause=_pause(ctx),
    )
    result = rotation.run()
    if result["proof"] == "waived":
        _drill_later(ctx, result["key_id"])
    return result


@handler("keys.drill", exclusive="keys")
def drill(ctx: JobContext) -> dict[str, Any]:
    """A drill of a key's value; on an active key that was waived it takes the mark away."""
    keys = key_process()
    sync(actor=ctx.actor, keys=keys)
    row = epoch(str(ctx.params["key_id"]))
    ctx.progress("drill", 0, 1, unit="steps")
    purpose = str(ctx.params.get("purpose") or "manual")
    try:
        done = run_drill(
            row,
            purpose=purpose,
            keys=keys,
            desk=desk_of(),
            actor=ctx.actor,
            check=ctx.check,
            pause=_pause(ctx),
        )
    except (DeskUnreachable, DeskNotSet, DrillUnanswered):
        if purpose == "scheduled" and row.is_amber:
            _drill_later(ctx, row.key_id)
        raise
    sync(actor=ctx.actor, keys=keys)
    ctx.progress("drill", 1, 1, unit="steps")
    return {"key_id": row.key_id, "epoch": row.epoch, "drill": str(done.id)}


@handler("keys.held", exclusive="keys")
def held(ctx: JobContext) -> dict[str, Any]:
    """A person has shown that the value of a key in use was downloaded."""
    keys = key_process()
    said = ctx.params["held"]
    info = keys.prove_download(str(said["key_id"]), str(said["digest"]))
    sync(actor=ctx.actor, keys=keys)
    return {"key_id": info.key_id, "downloaded": info.downloaded}


@handler("unit.enrol", exclusive="keys")
def enrol(ctx: JobContext) -> dict[str, Any]:
    """First installation: the enrolment is checked by the key process, then the unit is in service."""
    keys = key_process()
    text = str(ctx.params.get("enrolment") or "")
    if not text:
        text = desk_of().enrolment(unit().certificate_thumbprint)
    keys.enrol(text)
    status = sync(actor=ctx.actor, keys=keys)
    move_unit(actor=ctx.actor, to=Unit.State.IN_SERVICE, why="first installation")
    return {"customer": dict(status.customer or {}), "appliance": dict(status.appliance or {})}


@handler("unit.authority-list", exclusive="keys")
def authority_list(ctx: JobContext) -> dict[str, Any]:
    """The newest list, from the desk or from a file; believed only under the pinned root."""
    keys = key_process()
    text = str(ctx.params.get("list") or "")
    version = keys.take_authority_list(text or desk_of().authority())
    if not text:
        now = timezone.now()
        Unit.objects.filter(only=True).update(authority_list_seen_at=now, desk_reached_at=now)
    sync(actor=ctx.actor, keys=keys)
    return {"version": version}


@handler("unit.tamper", exclusive="keys")
def tamper(ctx: JobContext) -> dict[str, Any]:
    """Latch, destroy, and say so."""
    keys = key_process()
    keys.tamper(who=str(ctx.actor), why=str(ctx.params.get("why") or ""))
    sync(actor=ctx.actor, keys=keys)
    with transaction.atomic():
        record("unit.tampered", actor=ctx.actor, subject=unit().serial)
    return {"state": "tampered"}


def _drill_later(ctx: JobContext, key_id: str) -> None:
    """A key that is used on a waiver is drilled as soon as custody answers: try again in a while."""
    subject = f"key:{key_id}"
    if Job.objects.filter(kind="keys.drill", subject=subject, state=Job.State.QUEUED).exists():
        return
    params = {"key_id": key_id, "purpose": "scheduled"}
    at = timezone.now() + DRILL_AGAIN
    start_job("keys.drill", actor=ctx.actor, params=params, subject=subject, not_before=at)
    ctx.log(f"The value is drilled later: at {at:%Y-%m-%d %H:%M} UTC.")


def _pause(ctx: JobContext) -> Callable[[float], None]:
    """Waiting for custody holds no database connection: a restore's switch need not wait for it."""

    def pause(seconds: float) -> None:
        ctx.release()
        time.sleep(seconds)

    return pause


def _desk() -> Desk | None:
    row = unit()
    return desk_of(row) if row.desk_url else None


@worker_ready.connect(dispatch_uid="appliance.keys.follow_keyring")
def follow_keyring(**_: Any) -> None:
    """At start-up the rows follow the keyring: a crash between the two heals here."""
    try:
        sync(actor=Actor.system("engine"))
    except Refusal as refusal:
        # the key process may start later; every job syncs again before it does anything
        log.warning("the rows could not follow the keyring yet: %s", refusal)
    finally:
        connections["default"].close()
