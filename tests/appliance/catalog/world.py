"""What the tests of this room share: keys, uploads, and doing jobs by hand."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from django.conf import settings

from appliance.catalog.models import VirtualImage
from appliance.content import spool
from appliance.content.actions.advance_upload import advance_upload
from appliance.content.models import Upload
from appliance.keys.client import ActiveDataKey, EngineKeys
from audit.actor import Actor
from jobs.models import Job
from jobs.runner import run_job
from sealing.hpke import KemPrivateKey
from sealing.secret import DataKey, IdKey, KemSeed, Key256

ACTOR = Actor.command("test")
SEED = KemSeed(b"p" * 32)
PRIVATE = KemPrivateKey(SEED)
KEY_ID = "ab" * 16


@dataclass
class Keys:
    """What the key process would answer; `active` is turned on and off by tests."""

    active: bool = True
    trouble: list[Exception] = field(default_factory=list)

    def __call__(self) -> EngineKeys:
        for error in self.trouble[:1]:
            del self.trouble[0]
            raise error
        data_key = DataKey(b"d" * 32)
        return EngineKeys(
            active=ActiveDataKey(KEY_ID, data_key, 1, "cd" * 16) if self.active else None,
            data_keys={KEY_ID: data_key},
            id_keys={"main": (IdKey(b"i" * 32),)},
            spool_private=SEED,
            store_key=Key256(b"x" * 32),
        )


def send(upload: Upload, content: bytes) -> None:
    """Append to an upload."""
    if not content:
        return
    segment = spool.SegmentFile(settings.SITE.spool, upload.pk, upload.offset, PRIVATE.public)
    segment.add(content)
    advance_upload(upload, actor=ACTOR, by=segment.commit())


def work() -> list[Job]:
    """Do every job that is due, as a worker would; returns them as they ended."""
    done = []
    while job := Job.objects.filter(state=Job.State.QUEUED).order_by("created_at").first():
        Job.objects.filter(pk=job.pk).update(due_at=job.created_at)
        run_job(job.pk)
        job.refresh_from_db()
        done.append(job)
    return done


def image_of(pk: uuid.UUID | str) -> VirtualImage:
    return VirtualImage.objects.get(pk=pk)
