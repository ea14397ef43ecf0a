"""The job that collects in the unit's store: what is needed, what may go, what is worth sealing anew.

Runs in the group "store", and as the store's one writer, so nothing is put, sent or brought back beside it.
What is needed is asked for after the store is held: a job that was replaced and goes on all the same cannot
hold it any more, and what such a job put within the grace is needed in any case.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from appliance.content import hooks
from appliance.content.collection import MIB, QUOTA_PERCENT, REPACK_PERCENT, Plan
from appliance.content.engine.collecting import Collector, Limits, Look, Repacked, Share, rewritten_size
from appliance.content.engine.opening import engine_keys, open_store
from appliance.content.errors import (
    CollectionPaused,
    ContentIncomplete,
    EvidenceLacking,
    KeyNotHeld,
    NoActiveKey,
    PackDamaged,
    PackMissing,
    PackOtherKey,
    RecipeUnknown,
)
from appliance.content.hooks import Keeper
from appliance.content.models import StoreLook
from appliance.unit.selectors import is_outbound_allowed, require_state
from audit.log import record
from config.site import site
from jobs.handlers import JobContext
from sealing.content.manifest import PackRef

SPARE_BYTES: Final = 256 * MIB  # left free on the store's disk by a repack
LOOKS: Final = 200  # rows of looks that are kept
_DAY: Final = 86_400
_NOT_WHOLE: Final = (RecipeUnknown, ContentIncomplete, PackDamaged, PackMissing, PackOtherKey, KeyNotHeld)


@dataclass(frozen=True, slots=True)
class _Told:
    """What the rooms above say."""

    recipes: set[str]
    holds: list[str]
    keepers: list[Keeper]


def collect(ctx: JobContext) -> dict[str, Any]:
    """The handler of `content.collect`. With `dry_run` it changes nothing and says what would happen."""
    plan = Plan(**ctx.params)
    _require_allowed(ctx, plan)
    keys = engine_keys()
    if keys.active is None and not plan.dry_run:
        raise NoActiveKey()
    now = int(time.time())
    with open_store(keys) as store, store.collector() as collector:
        told = _ask(ctx)
        limits = _limits(plan, told.keepers, site().store)
        with _evidence():
            look = collector.look(
                told.recipes,
                since=now - limits.grace_seconds,
                progress=lambda done, total: ctx.progress("looking at what is needed", done, total, ""),
                check=ctx.check,
            )
        due = [] if told.holds else look.due(limits, now)
        worth = look.half_dead(limits)
        gone, repacked, after = [share.facts.ref for share in due], Repacked(), look.shares
        if not plan.dry_run:
            collector.mark(look, now=now)
            _intend(ctx, due, worth)
            gone, repacked = _work(ctx, collector, look, due, worth, now)
            after = collector.shares()
    _write_down(ctx, plan, after, gone, repacked)
    if repacked.damaged:
        raise repacked.damaged[0]
    return {
        "dry_run": plan.dry_run,
        **_standing(after),
        "removed": _sum(gone) | {"kept_because": told.holds},
        "waiting": _sum(share.facts.ref for share in look.dead() if share not in due),
        "repacked": _repacked(plan, told.keepers, worth, repacked),
        "unread_packs": look.unread,
    }


def _require_allowed(ctx: JobContext, plan: Plan) -> None:
    """Asked again: much may have happened while the job waited."""
    if not plan.dry_run:
        require_state("in_service")
        if not is_outbound_allowed():
            raise CollectionPaused()
    ctx.release()


def _ask(ctx: JobContext) -> _Told:
    told = _Told(hooks.live_recipes(), hooks.holds(), hooks.keepers())
    ctx.release()
    return told


def _limits(plan: Plan, keepers: Sequence[Keeper], store: Path) -> Limits:
    free = max(0, shutil.disk_usage(store).free - SPARE_BYTES)
    return Limits(
        grace_seconds=plan.grace_days * _DAY,
        quota_percent=QUOTA_PERCENT,
        repack_percent=0 if _why_no_repack(plan, keepers) else REPACK_PERCENT,
        rewrite_bytes=min(plan.rewrite_mib * MIB, free),
    )


def _why_no_repack(plan: Plan, keepers: Sequence[Keeper]) -> str | None:
    if plan.repack == "never":
        return "it was not asked for"
    keep_all = [keeper.name for keeper in keepers if not keeper.lets_go]
    if plan.repack == "auto" and keep_all:
        return f"without a retention policy old packs would stay beside the new ones: {', '.join(keep_all)}"
    return None


@contextmanager
def _evidence() -> Iterator[None]:
    try:
        yield
    except _NOT_WHOLE as refusal:
        raise EvidenceLacking(problem=refusal.as_dict()) from refusal


def _intend(ctx: JobContext, due: Sequence[Share], worth: Sequence[Share]) -> None:
    """On record before anything is removed."""
    if due or worth:
        facts = {
            "remove": _sum(share.facts.ref for share in due),
            "repack": _sum(share.facts.ref for share in worth),
        }
        with transaction.atomic():
            record(
                "content.collecting", actor=ctx.actor, subject="content-store", facts=facts, outcome="intent"
            )
        ctx.release()


def _work(
    ctx: JobContext,
    collector: Collector,
    look: Look,
    due: Sequence[Share],
    worth: Sequence[Share],
    now: int,
) -> tuple[list[PackRef], Repacked]:
    gone = collector.drop(
        due, progress=lambda done, total: ctx.progress("removing dead packs", done, total), check=ctx.check
    )
    repacked = collector.repack(
        worth,
        look,
        now=now,
        progress=lambda done, total: ctx.progress("sealing anew", done, total),
        check=ctx.check,
    )
    return gone, repacked


def _write_down(
    ctx: JobContext, plan: Plan, after: Sequence[Share], gone: Sequence[PackRef], repacked: Repacked
) -> None:
    done: dict[str, int] = {}
    if not plan.dry_run:
        done = {
            **{f"removed_{name}": count for name, count in _sum(gone).items()},
            **{f"emptied_{name}": count for name, count in _sum(repacked.emptied).items()},
            "written_bytes": _sum(repacked.made)["bytes"],
        }
    with transaction.atomic():
        StoreLook.objects.update_or_create(  # a second attempt of a job that was killed after this
            job_id=ctx.job_id,
            defaults={"dry_run": plan.dry_run, "looked_at": timezone.now(), **_standing(after), **done},
        )
        oldest = StoreLook.objects.order_by("-looked_at").values_list("pk", flat=True)[LOOKS:]
        StoreLook.objects.filter(pk__in=list(oldest)).delete()
        if not plan.dry_run:
            record("content.collected", actor=ctx.actor, subject="content-store", facts=done)
    ctx.release()


def _standing(shares: Sequence[Share]) -> dict[str, int]:
    """How the store stands, as columns of `StoreLook` and as a job's result."""
    dead = [share for share in shares if not share.live]
    half = [s for s in shares if 0 < s.live * 100 < s.facts.content * REPACK_PERCENT]
    live = sum(share.live for share in shares)
    return {
        "packs": len(shares),
        "stored_bytes": sum(share.size for share in shares),
        "live_bytes": live,
        "dead_bytes": sum(share.facts.content for share in shares) - live,
        "leaving_packs": len(dead),
        "leaving_bytes": sum(share.size for share in dead),
        "repackable_packs": len(half),
        "repackable_bytes": sum(share.size for share in half),
    }


def _repacked(
    plan: Plan, keepers: Sequence[Keeper], worth: Sequence[Share], done: Repacked
) -> dict[str, Any]:
    """What was sealed anew, or would be; what each target is sent, and whether it lets old packs go."""
    emptied = [share.facts.ref for share in worth] if plan.dry_run else done.emptied
    written = rewritten_size(worth) if plan.dry_run else _sum(done.made)["bytes"]
    return {
        **_sum(emptied),
        "written_bytes": written,
        "left_out_because": _why_no_repack(plan, keepers),
        "sent_again": [
            {"target": keeper.name, "bytes": written, "lets_go": keeper.lets_go} for keeper in keepers
        ]
        if written
        else [],
    }


def _sum(refs: Iterable[PackRef]) -> dict[str, int]:
    sizes = [ref.size for ref in refs]
    return {"packs": len(sizes), "bytes": sum(sizes)}
