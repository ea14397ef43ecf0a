"""The dry run of a backup: what it would send, asked of store and target; nothing changes on either."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import DEFAULT_DB_ALIAS

from appliance.backup.engine import house, write
from appliance.backup.engine.objects import objects_in
from appliance.backup.engine.run import require_proven
from appliance.backup.errors import TargetIsCopy
from appliance.backup.models import BackupTarget
from ground.refusals import Missing
from jobs.handlers import JobContext


def foresee(ctx: JobContext) -> dict[str, Any]:
    """The handler of `backup.foresee`: packs and bytes that the target lacks for what the catalogue holds.

    The database itself is not counted: it is read, cut and sealed only when the backup is made.
    """
    status = house.key_process().status()
    require_proven(status)
    with house.rows():
        row = BackupTarget.objects.filter(pk=ctx.params["target"]).first()
    if row is None:
        raise Missing(target=str(ctx.params["target"]))
    ctx.progress("asking the target", 0, None)
    target, _ = house.open_checked(row, customer=uuid.UUID((status.customer or {})["id"]), write=False)
    if row.copy_of_id is not None:  # known before, or seen by looking
        raise TargetIsCopy(target=row.name)
    with house.rows():
        objects = objects_in(DEFAULT_DB_ALIAS)
    with house.open_store() as (store, _keys):
        packs = store.packs_of([item.recipe for item in objects])
    lacking = write.lacking(packs, target, ctx.check)
    stored, new = sum(pack.size for pack in packs), sum(pack.size for pack in lacking)
    free = target.free_bytes()
    return {
        "target": row.name,
        "virtual_images": len(objects),
        "content_bytes": sum(item.size for item in objects),
        "new_packs": len(lacking),
        "new_bytes": new,
        "there_packs": len(packs) - len(lacking),
        "there_bytes": stored - new,
        "free_bytes": free,
        "fits": None if free is None else new <= free,
    }
