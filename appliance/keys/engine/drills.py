"""Drills: ask the desk, wait for custody's answer, have the key process check it against the key."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from appliance.keys.client import KeyProcess
from appliance.keys.errors import DrillFailed, NotAskedFor, Replayed
from appliance.keys.models import KeyEpoch, ValueDrill
from appliance.keys.refusals import DrillRefusedByDesk, DrillUnanswered
from appliance.unit.desk import Desk
from audit.actor import Actor
from audit.log import record
from ground.refusals import Refusal
from sealing.jose import digest, peek

POLL_SECONDS: Final = 0.5
REFUSED_STATES: Final = frozenset({"refused", "failed"})


def drill_seconds() -> float:
    """How long a job waits for custody before it gives way (it can be started again)."""
    return float(getattr(settings, "KEYS_DRILL_SECONDS", 90.0))


def run_drill(
    key: KeyEpoch,
    *,
    purpose: str,
    keys: KeyProcess,
    desk: Desk,
    actor: Actor,
    pause: Callable[[float], None] = time.sleep,
    check: Callable[[], None] = lambda: None,
) -> ValueDrill:
    """Drill the value of `key`; the row is `proven` on return. Takes up a drill that a crash left asked.

    `DrillFailed` when the answer is not of this key; `DrillUnanswered` when none came in time.
    """
    drill = _asked_before(key) or _ask(key, purpose, keys, actor)
    if not drill.desk_id:
        answered = desk.ask_drill(drill.request)
        drill.desk_id = answered.id
        drill.save(update_fields=["desk_id"])
    try:
        proof = _wait(drill, desk, pause, check)
        keys.check_drill(proof)
    except (Replayed, NotAskedFor):
        # checked before a crash, or given way to newer ones: what counts stands in the keyring
        _end(drill, ValueDrill.State.GIVEN_UP, actor)
        raise
    except (DrillFailed, DrillRefusedByDesk) as refusal:
        _end(drill, ValueDrill.State.FAILED, actor, refusal=refusal)
        raise
    drill.proof = proof
    _end(drill, ValueDrill.State.PROVEN, actor)
    return drill


def _asked_before(key: KeyEpoch) -> ValueDrill | None:
    current = set(key.values.filter(current=True).values_list("digest", flat=True))
    for drill in key.drills.filter(state=ValueDrill.State.ASKED).order_by("-created_at"):
        if drill.value_digest in current:
            return drill
    return None


def _ask(key: KeyEpoch, purpose: str, keys: KeyProcess, actor: Actor) -> ValueDrill:
    request = keys.drill_request(key.key_id, purpose=purpose)
    with transaction.atomic():
        record(
            "keys.drill-asked",
            actor=actor,
            subject=f"key:{key.key_id}",
            facts={"epoch": key.epoch, "purpose": purpose},
            outcome="intent",
        )
        return ValueDrill.objects.create(
            epoch=key,
            purpose=purpose,
            request=request,
            request_digest=digest(request),
            value_digest=digest(str(peek(request).claims["value"])),
        )


def _wait(drill: ValueDrill, desk: Desk, pause: Callable[[float], None], check: Callable[[], None]) -> str:
    deadline = time.monotonic() + drill_seconds()
    while True:
        check()
        state = desk.drill(drill.desk_id)
        if state.proof:
            return state.proof
        if state.state in REFUSED_STATES:
            raise DrillRefusedByDesk(drill=drill.desk_id, state=state.state)
        if time.monotonic() >= deadline:
            raise DrillUnanswered(drill=drill.desk_id, state=state.state)
        pause(POLL_SECONDS)


def _end(drill: ValueDrill, state: str, actor: Actor, *, refusal: Refusal | None = None) -> None:
    with transaction.atomic():
        drill.state, drill.ended_at = state, timezone.now()
        drill.problem = {} if refusal is None else refusal.as_dict()
        drill.save(update_fields=["state", "ended_at", "problem", "proof"])
        record(
            "keys.drill-ended",
            actor=actor,
            subject=f"key:{drill.epoch.key_id}",
            facts={"epoch": drill.epoch.epoch, "state": state, **drill.problem},
            outcome="done" if refusal is None else "refused",
        )
