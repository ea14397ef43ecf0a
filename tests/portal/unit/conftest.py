"""A unit in service with a little of everything, by rows."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone


@pytest.fixture(autouse=True)
def _no_failures_yet() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def _jws(typ: str, claims: dict[str, Any]) -> str:
    """A document as far as pages look at one: shape, no signature."""
    parts = [{"alg": "ES384", "kid": "k", "typ": typ}, claims]
    texts = [json.dumps(part, sort_keys=True, separators=(",", ":")).encode() for part in parts]
    return ".".join(base64.urlsafe_b64encode(text).decode().rstrip("=") for text in [*texts, b"none"])


VALUE = _jws("strongroom-value+jws;v=1", {"epoch": 1})


@pytest.fixture
def unit(db: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    from appliance.unit.models import Unit

    monkeypatch.setattr("jobs.broker.send", lambda _: False)
    return Unit.objects.create(
        serial="SR-1001",
        model="SR-1",
        state="in_service",
        certificate_thumbprint="t" * 43,
        device_record="a.b.c",
        vault_class="software",
        spool_public_key="AAAA",
        authority_list=_jws("strongroom-authority-list+jws;v=1", {"entries": []}),
        customer_id=uuid.UUID(int=1),
        customer_name="Harbour Logistics",
        appliance_id=uuid.UUID(int=2),
        appliance_name="harbour-cloud",
    )


@pytest.fixture
def furnished(unit: Any) -> dict[str, Any]:
    """Rows by what they are; `people` by role."""
    from appliance.backup.models import BackupImage, BackupTarget
    from appliance.catalog.models import VirtualImage
    from appliance.keys.models import KeyEpoch, LodgedValue
    from appliance.notices.models import Notice, NoticeChannel
    from appliance.schedules.models import BackupSchedule
    from audit.log import record
    from jobs.models import Job
    from tests.support.people import MAKER, person

    people = {role: person(role) for role in ("admin", "auditor", "member", "recovery-operator")}
    people["nobody"] = person()
    now = timezone.now()
    key = KeyEpoch.objects.create(
        key_id="ab" * 16, epoch=1, kind="symmetric", origin="generated", state="active",
        commitment="c" * 43, made_at=now, activated_at=now, durable=True, proof_how="drilled", proof_at=now,
    )  # fmt: skip
    LodgedValue.objects.create(epoch=key, digest="d" * 64, document=VALUE, authority_key_id="k" * 43)
    target = BackupTarget.objects.create(
        name="shelf", kind="directory", settings={"path": "/mnt/backup"}, state="ready", checked_at=now
    )
    image = BackupImage.objects.create(
        target=target, state="verified", own=True, serial=unit.serial, chain="e" * 64, sequence=1,
        customer_id=unit.customer_id, key_id=key.key_id, epoch=1, proof="drilled", made_at=now,
        verified_at=now,
    )  # fmt: skip
    disk = VirtualImage.objects.create(
        name="base",
        owner=people["member"],
        owner_name="member",
        source="upload",
        state="ready",
        recipe="f" * 64,
    )
    job = Job.objects.create(
        kind="backup.run", state="done", actor_kind="user", actor_id=str(people["admin"].pk),
        actor_name="admin", ended_at=now,
    )  # fmt: skip
    schedule = BackupSchedule.objects.create(
        name="nightly", target=target, target_name=target.name, rule={"every": "day", "at": "02:30"},
        zone="Europe/Vienna", next_due_at=now,
    )  # fmt: skip
    notice = Notice.objects.create(event="failure", key="failure:tests", subject="The backup failed")
    channel = NoticeChannel.objects.create(
        name="operations", kind="mail", settings={"to": ["ops@example.com"]}, events=["failure"]
    )
    event = record("tests.happened", actor=MAKER, subject="something", facts={"n": 1})
    return {
        "unit": unit, "people": people, "key": key, "target": target, "image": image, "disk": disk,
        "job": job, "event": event, "schedule": schedule,
        "notice": notice, "channel": channel,
    }  # fmt: skip
