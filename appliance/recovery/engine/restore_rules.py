"""Which image may come back onto this unit."""

from __future__ import annotations

from appliance.backup.engine import house
from appliance.backup.errors import ImageOfAnother
from appliance.keys.client import Status
from appliance.recovery.engine.load import unknown_migrations
from appliance.recovery.errors import NotKeyed, StreamTooNew
from sealing.content.manifest import ImageManifest


def require_ours(customer: str, key_id: str, status: Status) -> None:
    """The image is of this unit's customer, and its key is here."""
    ours = house.customer_of(status)
    if ours is None or customer != str(ours):
        raise ImageOfAnother(customer=customer)
    if status.epoch(key_id) is None:
        raise NotKeyed(key_id=key_id)


def require_known_release(manifest: ImageManifest) -> None:
    """Not made by a newer release than this: said before a byte of content is copied."""
    unknown = unknown_migrations(manifest.facts.get("migrations", []))
    if unknown:
        raise StreamTooNew(unknown=unknown[:20])
