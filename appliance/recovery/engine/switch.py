"""The switch: the unit's own rows join the restored ones in the scratch database, which then becomes live.

Everything here runs inside the writers' gate, while nobody else has the database open, and in one transaction
of the scratch database: after a crash there is the old database, or the new one with all of this in it.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import ForeignKey, Model, OneToOneField
from django.utils import timezone
from django.utils.module_loading import import_string

from appliance.backup.models import BackupImage
from appliance.catalog.settle import settle_restored
from appliance.recovery.engine.load import check_references, copy_rows
from appliance.recovery.models import RecoveryReport, Restore, TransferCase
from appliance.unit.models import Unit
from audit.actor import Actor
from audit.log import record, record_seam
from ground.db.portable import declarations


def merge(live: str, scratch: str, *, restore: Restore, counts: dict[str, Any], actor: Actor) -> None:
    """Bring what stays the unit's own from `live` to `scratch`, and write there what the restore means."""
    with transaction.atomic(using=scratch):
        kept: list[type[Model]] = []
        for entry in declarations().values():
            if entry.keep == "unit":
                copy_rows(entry.model, live, scratch)
                kept.append(entry.model)
            elif entry.keep == "merge":
                import_string(entry.merge)(live, scratch)
        dropped = drop_dangling(kept, scratch)
        counts = {**counts, "unfinished": settle_restored(scratch)}
        _write_outcome(scratch, restore, {**counts, "dropped": dropped}, actor)
        check_references(scratch)


def drop_dangling(models: list[type[Model]], alias: str) -> dict[str, int]:
    """The unit's own rows that refer to rows which did not come along (a token of an account that is gone)
    give way: a reference that may be empty is emptied, else the row goes. Repeated until nothing dangles."""
    dropped: dict[str, int] = {}
    again = True
    while again:
        again = False
        for model in models:
            for field in model._meta.concrete_fields:
                if not isinstance(field, ForeignKey | OneToOneField):
                    continue
                remote = field.remote_field.model
                have = remote._base_manager.using(alias).values(field.target_field.attname)
                rows = model._base_manager.using(alias).exclude(**{f"{field.attname}__in": have})
                dangling = rows.exclude(**{f"{field.attname}__isnull": True})
                if field.null:
                    dangling.update(**{field.attname: None})
                    continue
                count = dangling._raw_delete(alias)
                if count:
                    dropped[model._meta.label] = dropped.get(model._meta.label, 0) + count
                    again = True
    return dropped


def _write_outcome(alias: str, restore: Restore, counts: dict[str, Any], actor: Actor) -> None:
    now = timezone.now()
    unit = Unit.objects.using(alias).get(only=True)
    Unit.objects.using(alias).filter(pk=unit.pk, state=Unit.State.RESTORING).update(
        state=Unit.State.MUST_ROTATE,
        state_changed_at=now,
        outbound_paused=True,
        outbound_paused_why="restored; waits for an admin who has looked",
    )
    Restore.objects.using(alias).filter(pk=restore.pk, state=Restore.State.SWITCHING).update(
        state=Restore.State.DONE, finished_at=now, counts=counts, problem=None
    )
    BackupImage.objects.using(alias).filter(pk=restore.image_id).update(restored_at=now)
    cases = TransferCase.objects.using(alias).filter(installed_at__isnull=False)
    case = cases.order_by("-installed_at").first()
    if case is not None:
        RecoveryReport.objects.using(alias).get_or_create(
            restore_id=restore.pk, defaults={"ticket": case.ticket}
        )
    record_seam(actor=actor, using=alias)
    record(
        "recovery.restored",
        actor=actor,
        subject=f"backup-image:{restore.image_id}",
        facts={
            "objects": counts["objects"],
            "rows": sum(counts["rows"].values()),
            "content_bytes": counts["content_bytes"],
        },
        using=alias,
    )
