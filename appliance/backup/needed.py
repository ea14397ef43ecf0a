"""Which keys are still needed: asked before a key is retired, and by the coverage map.

A key is needed as long as an image that it opens lies, or may lie, on a target. Rows decide, so what was
forgotten here (a target that was removed) is not known to need anything; whoever retires a key says so.
"""

from __future__ import annotations

from django.db.models import QuerySet

from appliance.backup.models import BackupImage
from appliance.backup.tally import images_by_key

S = BackupImage.State
# Everything but what never came to be and what is known to be gone. An expired image still lies there for its
# grace, a damaged one may be healed, one that is being written is about to exist.
NEEDING = (S.WRITING, S.COMMITTED, S.VERIFIED, S.DAMAGED, S.EXPIRED)


def images_needing(key_id: str) -> QuerySet[BackupImage]:
    """Images that only this key (or a value of it) opens, newest first."""
    rows = BackupImage.objects.select_related("target")
    return rows.filter(key_id=key_id, state__in=NEEDING).order_by("-made_at")


def keys_needed() -> dict[str, int]:
    """Key id → number of images that need it. A key that is not in it is needed by no image known here."""
    return images_by_key(NEEDING)
