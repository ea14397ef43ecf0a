"""What the packs on a target are there for: the next backup, older images, or nothing any more.

Packs there are whole or gone (docs/adr/019): what is dead inside one is freed by age. So the figures say what
will be freed, and by what: `older` as those images expire, `dead` after a repack in the unit's store and then
as the images expire that were made before it, `loose` by the next prunes.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from appliance.backup.engine import collect, house
from appliance.backup.models import BackupTarget, TargetUse
from appliance.backup.targets import Target
from appliance.content.engine import opening
from appliance.content.errors import IndexUnreadable
from ground.refusals import Missing
from jobs.handlers import JobContext
from sealing.trust import Trust


def use(ctx: JobContext) -> dict[str, Any]:
    """The handler of `backup.use`. Reads lists and sizes; changes nothing on the target."""
    with house.rows():
        row = BackupTarget.objects.filter(pk=ctx.params["target"]).first()
    if row is None:
        raise Missing(target=str(ctx.params["target"]))
    status = house.key_process().status()
    target, _ = house.open_checked(row, customer=house.customer_of(status), write=False)
    return measure(row, target, house.trust_of(status))


def measure(row: BackupTarget, target: Target, trust: Trust) -> dict[str, Any]:
    """Look, and write it down; the figures."""
    figures: dict[str, Any]
    try:
        figures = _figures(target, trust, shares_of_store())
    except collect.KeepAll as reason:
        figures = {"problem": str(reason)[:300]}
    with house.rows(), transaction.atomic():
        TargetUse.objects.update_or_create(
            target=row, defaults={"looked_at": timezone.now(), "problem": "", **figures}
        )
    return figures


def shares_of_store() -> dict[str, tuple[int, int]]:
    """Digest → (bytes of chunks, of those needed) of the unit's own packs; empty for a unit without any."""
    try:
        with opening.open_store(writing=False) as store:
            return store.shares()
    except IndexUnreadable:
        return {}


def _figures(target: Target, trust: Trust, shares: dict[str, tuple[int, int]]) -> dict[str, Any]:
    images, named = 0, set[str]()
    for packs in collect.lists_on(target, trust):
        images += 1
        named.update(packs)
    there = collect.packs_on(target)
    needed = {digest for digest in there if digest in shares and shares[digest][1]}
    return {
        "images": images,
        "stored_bytes": sum(there.values()),
        "needed_bytes": sum(there[digest] for digest in needed),
        "dead_bytes": sum(shares[digest][0] - shares[digest][1] for digest in needed),
        "older_bytes": sum(size for digest, size in there.items() if digest in named - needed),
        "loose_bytes": sum(size for digest, size in there.items() if digest not in named | needed),
    }
