"""The rotation, R0 to R8 (docs/lifecycle.md), as named steps that can be killed anywhere and run again.

What was done is asked of the keyring, never remembered here: each step looks whether it is needed, does it,
and lets the rows follow. The first key of a unit is made by the same steps with no forerunner. The only step
that must be atomic is R6, one rename inside the key process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from appliance.keys.client import EpochInfo, KeyProcess, Status
from appliance.keys.errors import DrillFailed, NotAskedFor, Replayed, ValueNotDurable
from appliance.keys.hooks import announce_activation
from appliance.keys.models import DrillWaiver, KeyEpoch, LodgedValue
from appliance.keys.refusals import DrillRefusedByDesk, DrillUnanswered
from appliance.keys.selectors import waivers_of
from appliance.unit.actions.move_unit import move_unit
from appliance.unit.desk import Desk
from appliance.unit.errors import DeskNotSet, DeskUnreachable, WrongState
from appliance.unit.models import Unit
from appliance.unit.selectors import unit
from audit.actor import Actor
from audit.log import record
from ground.refusals import Refusal

from .drills import run_drill
from .sync import sync

STEPS: Final = (
    "begin",  # R0
    "authorities",  # the newest list, before anything is sealed to it
    "generate",  # R1
    "seal",  # R2, R3
    "hold",  # R4
    "prove",  # R5
    "activate",  # R6
    "follow",
    "announce",
)


@dataclass
class Rotation:
    """One run. `told(step, n, of)` is called before each step: progress, cancellation, and kills in tests."""

    job_id: str
    actor: Actor
    params: Mapping[str, Any]
    keys: KeyProcess
    desk: Desk | None
    told: Callable[[str, int, int], None] = lambda _step, _n, _of: None
    log: Callable[[str], None] = lambda _text: None
    check: Callable[[], None] = lambda: None
    pause: Callable[[float], None] = time.sleep

    def run(self) -> dict[str, Any]:
        """Walk the steps; the result names the key now active. Raises a refusal where it cannot go on."""
        self._desk_problem: Refusal | None = None if self.desk is not None else DeskNotSet()
        for number, step in enumerate(STEPS):
            self.told(step, number, len(STEPS))
            getattr(self, f"_{step}")()
        info = self._key()
        assert info.proof is not None
        return {"key_id": info.key_id, "epoch": info.epoch, "proof": info.proof["how"]}

    # --------------------------------------------------------------------------------------------------------
    # -

    @property
    def _mark(self) -> str:
        """Ties keyring transitions to this job, so that a second run of it finds what the first one did."""
        return f"[job {self.job_id}]"

    @property
    def _why(self) -> str:
        return f"{self.params.get('reason') or 'rotation'} {self._mark}"

    def _key(self, status: Status | None = None) -> EpochInfo:
        """The key this run is about: the one it activated, else the one in pre-activation."""
        status = status or self.keys.status()
        activated = [t.key_id for t in status.transitions if t.new == "active" and self._mark in t.why]
        info = status.epoch(activated[-1]) if activated else status.pending
        if info is None:
            raise ValueNotDurable(reason="the key that was being made is gone")
        return info

    def _row(self, info: EpochInfo) -> KeyEpoch:
        return KeyEpoch.objects.get(key_id=info.key_id)

    def _is_done(self, status: Status) -> bool:
        return any(t.new == "active" and self._mark in t.why for t in status.transitions)

    # R0 -----------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Rows as the keyring says; the unit is one that may have a key of its own."""
        sync(actor=self.actor, keys=self.keys)
        row = unit()
        if row.state not in (Unit.State.IN_SERVICE, Unit.State.MUST_ROTATE):
            raise WrongState(state=row.state, wanted=[Unit.State.IN_SERVICE, Unit.State.MUST_ROTATE])

    def _authorities(self) -> None:
        """Values are sealed to the newest list. A list that does not hold stops all: nothing is sealed."""
        if self.desk is None or self._is_done(self.keys.status()):
            return
        try:
            text = self.desk.authority()
        except DeskUnreachable as refusal:
            self._desk_problem = refusal
            self.log(f"{refusal.title} The list pinned before is used.")
            return
        self.keys.take_authority_list(text)
        now = timezone.now()
        Unit.objects.filter(only=True).update(authority_list_seen_at=now, desk_reached_at=now)

    # R1 -----------------------------------------------------------------------------------------------------

    def _generate(self) -> None:
        """Pre-activation: durable in the keyring, sealing nothing yet."""
        status = self.keys.status()
        if self._is_done(status) or status.pending is not None:
            return
        with transaction.atomic():
            record("keys.generate", actor=self.actor, subject=f"unit:{status.serial}", outcome="intent")
        kind = str(self.params.get("kind") or "symmetric")
        info = self.keys.generate(who=str(self.actor), why=self._why, kind=kind)
        self.log(f"Key of epoch {info.epoch} made; it seals nothing yet.")
        sync(actor=self.actor, keys=self.keys)

    # R2, R3 -------------------------------------------------------------------------------------------------

    def _seal(self) -> None:
        """Values sealed to every active authority and stored, here and in the keyring."""
        status = self.keys.status()
        if self._is_done(status):
            return
        info = self._key(status)
        values = self.keys.seal_values(info.key_id)
        sync(actor=self.actor, keys=self.keys)
        self.log(
            f"Value sealed to {len(values)} escrow {'authority' if len(values) == 1 else 'authorities'}."
        )

    # R4 -----------------------------------------------------------------------------------------------------

    def _hold(self) -> None:
        """Someone besides this unit holds the value: the desk by its receipt, or a person by its digest."""
        status = self.keys.status()
        if self._is_done(status):
            return
        info = self._key(status)
        held = self.params.get("held") or {}
        if held.get("key_id") == info.key_id:
            self.keys.prove_download(info.key_id, str(held.get("digest")))
            self.log("A person gave the digest of the downloaded value back.")
        if self._desk_problem is None:
            try:
                self._lodge(info)
            except DeskUnreachable as refusal:
                self._desk_problem = refusal
        sync(actor=self.actor, keys=self.keys)
        if not self._key().durable:
            # stays in pre-activation; the forerunner goes on protecting
            raise self._desk_problem or ValueNotDurable(key_id=info.key_id, epoch=info.epoch)

    def _lodge(self, info: EpochInfo) -> None:
        assert self.desk is not None
        for value in LodgedValue.objects.filter(epoch__key_id=info.key_id, current=True, receipt=""):
            lodged = self.desk.lodge_value(value.document)
            self.keys.accept_receipt(info.key_id, lodged.receipt)
            with transaction.atomic():
                value.receipt, value.desk_id, value.lodged_at = lodged.receipt, lodged.id, timezone.now()
                value.save(update_fields=["receipt", "desk_id", "lodged_at"])
                record(
                    "keys.value-lodged",
                    actor=self.actor,
                    subject=f"key:{info.key_id}",
                    facts={"epoch": info.epoch, "value": value.digest, "desk": lodged.id},
                )
            self.log("The desk signed for the value.")

    # R5 -----------------------------------------------------------------------------------------------------

    def _prove(self) -> None:
        """Drilled, or waived by as many admins as it takes. A failed drill sets the new key aside."""
        status = self.keys.status()
        info = self._key(status)
        if self._is_done(status) or info.proof is not None:
            return
        row = self._row(info)
        problem = self._desk_problem
        if problem is None:
            problem = self._drill(row)
        if problem is None:
            return
        self._note_waiver(row)
        waivers = waivers_of(row)
        if not waivers.enough:
            raise problem
        admins = [waiver.admin_name for waiver in waivers.given]
        why = "; ".join(waiver.why for waiver in waivers.given)[:300]
        self.keys.waive_drill(info.key_id, admins=admins, why=why)
        sync(actor=self.actor, keys=self.keys)
        self.log("The drill was waived; the key is marked so until it is drilled.")

    def _drill(self, row: KeyEpoch) -> Refusal | None:
        """None when proven; a refusal that a waiver may answer when custody is out of reach; raises else."""
        assert self.desk is not None
        try:
            run_drill(
                row,
                purpose="activation",
                keys=self.keys,
                desk=self.desk,
                actor=self.actor,
                pause=self.pause,
                check=self.check,
            )
        except (DeskUnreachable, DrillUnanswered) as refusal:
            return refusal
        except (Replayed, NotAskedFor):
            # a run before this one was answered; if the proof is not in the keyring, ask again
            if self._key().proof is None:
                return self._drill(self._row(self._key()))
        except (DrillFailed, DrillRefusedByDesk) as refusal:
            self.keys.set_aside(
                row.key_id, who=str(self.actor), why=f"drill failed: {refusal.code} {self._mark}"
            )
            sync(actor=self.actor, keys=self.keys)
            raise
        sync(actor=self.actor, keys=self.keys)
        self.log("Custody proved that it can bring this key back.")
        return None

    def _note_waiver(self, row: KeyEpoch) -> None:
        why = str(self.params.get("waive") or "")
        if why and self.actor.kind == "user":
            DrillWaiver.objects.get_or_create(
                key_id=row.key_id,
                admin_id=self.actor.id,
                defaults={"admin_name": self.actor.name, "why": why[:300]},
            )

    # R6 -----------------------------------------------------------------------------------------------------

    def _activate(self) -> None:
        """The intent is stored; then one rename. The former key is deactivated by the same rename."""
        status = self.keys.status()
        if self._is_done(status):
            return
        info = self._key(status)
        with transaction.atomic():
            record(
                "keys.activate",
                actor=self.actor,
                subject=f"key:{info.key_id}",
                facts={"epoch": info.epoch, "proof": (info.proof or {}).get("how", "")},
                outcome="intent",
            )
        self.keys.activate(info.key_id, who=str(self.actor), why=self._why)

    def _follow(self) -> None:
        """Rows follow; a unit that had to rotate is in service now."""
        sync(actor=self.actor, keys=self.keys)
        if unit().state == Unit.State.MUST_ROTATE:
            move_unit(actor=self.actor, to=Unit.State.IN_SERVICE, why="a key of its own is active")

    def _announce(self) -> None:
        """R7 is the backup room's: it hears of the new key here, as does the store of content that waits."""
        info = self._key()
        announce_activation(info.key_id, info.epoch)
        self.log(f"Epoch {info.epoch} protects this unit now.")
