"""What targets mean for a collection in the unit's store; the store itself knows nothing of them."""

from __future__ import annotations

from appliance.backup.errors import PackDamaged, PackMissing
from appliance.backup.models import BackupImage, BackupTarget
from appliance.content.hooks import Keeper

S = BackupImage.State


def why_hold() -> list[str]:
    """Damaged images that lack packs may be healed from the store, and from nowhere else."""
    lacking = [PackMissing.code, PackDamaged.code]
    rows = BackupImage.objects.filter(state=S.DAMAGED, own=True, problem__code__in=lacking)
    return [
        f"image {image.sequence} on {image.target.name} is damaged and may be healed from this store"
        for image in rows.select_related("target").order_by("-made_at")[:5]
    ]


def keepers() -> list[Keeper]:
    """Targets with images of this unit, and their copies."""
    held = BackupTarget.objects.filter(images__own=True, images__state__in=BackupImage.RESTORABLE)
    known = {row.pk for row in held}
    rows = BackupTarget.objects.select_related("retention", "copy_of__retention")
    return [Keeper(row.name, row.lets_go) for row in rows if {row.pk, row.copy_of_id} & known]
