"""Targets after a restore: those of the unit, as they stand, and those that came back in the image."""

from __future__ import annotations

from appliance.backup.models import BackupTarget


def merge_targets(live: str, scratch: str) -> None:
    """Bring the unit's own targets from `live` into `scratch`, where those of the image are.

    A restored target that leads to a repository the unit is connected to already gives way to the unit's own
    row (images refer to it), and so does one with the same id. Of two that share a name, the restored one is
    renamed.
    """
    restored = BackupTarget.objects.using(scratch)
    own = list(BackupTarget.objects.using(live).order_by("created_at"))
    originals = {}
    for target in own:
        same = restored.filter(pk=target.pk)
        if target.repository_id is not None and target.copy_of_id is None:
            same |= restored.filter(repository_id=target.repository_id, copy_of=None)
        for old in same:
            originals.update(dict.fromkeys(old.copies.values_list("pk", flat=True), target.pk))
        same.delete()
    for name in [target.name for target in own]:
        for clash in restored.filter(name=name):
            clash.name = _free_name(name, scratch)
            clash.save(using=scratch, update_fields=["name"])
    # A copy may come before its original: the links are set when both are there.
    links = {target.pk: target.copy_of_id for target in own} | originals
    for target in own:
        target.copy_of_id = None
    restored.bulk_create(own)
    for pk, original in links.items():
        if original is not None and restored.filter(pk=original).exists():
            restored.filter(pk=pk).update(copy_of_id=original)


def _free_name(name: str, alias: str) -> str:
    number = 1
    while True:
        tail = " (restored)" if number == 1 else f" (restored {number})"
        new = name[: 100 - len(tail)] + tail
        if not BackupTarget.objects.using(alias).filter(name=new).exists():
            return new
        number += 1
