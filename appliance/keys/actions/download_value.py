"""Hand out a key's value, and take its digest back as the proof that someone has it."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from appliance.keys.errors import DigestDiffers
from appliance.keys.models import KeyEpoch
from appliance.keys.refusals import NoValue
from appliance.keys.selectors import epoch, values_of
from audit.actor import Actor
from audit.log import record
from jobs.actions import start_job
from jobs.models import Job


def download_value(*, actor: Actor, key_id: str) -> str:
    """The text of a key's values, one a line. They are identifiers: possession authorises nothing."""
    with transaction.atomic():
        key = epoch(key_id)
        values = list(values_of(key))
        if not values:
            raise NoValue(key_id=key_id)
        for value in values:
            value.downloaded_at, value.downloaded_by = timezone.now(), actor.name
            value.save(update_fields=["downloaded_at", "downloaded_by"])
        record("keys.value-downloaded", actor=actor, subject=f"key:{key_id}", facts={"epoch": key.epoch})
    return "".join(f"{value.document}\n" for value in values)


def prove_download(*, actor: Actor, key_id: str, digest: str) -> Job:
    """Take the digest of what was downloaded; a right one counts as durable, and the rotation goes on."""
    given = "".join(digest.split())
    with transaction.atomic():
        key = epoch(key_id)
        if not values_of(key).filter(digest=given).exists():
            raise DigestDiffers(key_id=key_id)
        record("keys.value-proven-held", actor=actor, subject=f"key:{key_id}", facts={"digest": given})
        return start_job(
            "keys.rotate" if key.state == KeyEpoch.State.PRE_ACTIVATION else "keys.held",
            actor=actor,
            params={"reason": "value downloaded", "held": {"key_id": key_id, "digest": given}},
            subject=f"key:{key_id}",
        )
