"""After a restore: what was not ready in the image has no content here."""

from __future__ import annotations

from django.utils import timezone

from appliance.catalog.errors import ContentLost
from appliance.catalog.models import VirtualImage


def settle_restored(using: str = "default") -> int:
    """Mark images that were arriving or being sealed when the backup was made; returns how many."""
    S = VirtualImage.State
    rows = VirtualImage.objects.using(using).filter(state__in=[S.RECEIVING, S.WAITING, S.SEALING])
    return rows.update(state=S.FAILED, problem=ContentLost().as_dict(), state_changed_at=timezone.now())
