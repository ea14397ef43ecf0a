"""A unit as rows alone, and the key that the web tier seals to: for tests without a key process."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.utils import timezone

from appliance.backup.models import BackupImage, BackupTarget
from appliance.keys.models import KeyEpoch
from appliance.unit.models import Unit
from sealing.encoding import b64u
from sealing.hpke import KemPrivateKey

CUSTOMER = uuid.UUID(int=1)
SPOOL = KemPrivateKey.generate()


@dataclass(frozen=True)
class EngineKeysAsGiven:
    spool_private: object


class KeysOfTheUnit:
    """As much of the key process's client as opening a secret asks for."""

    def data_keys(self) -> EngineKeysAsGiven:
        return EngineKeysAsGiven(SPOOL.seed())


def make_unit(state: str = "in_service") -> Unit:
    return Unit.objects.create(
        serial="SR-A-0001",
        state=state,
        certificate_thumbprint="t" * 43,
        device_record="a.b.c",
        vault_class="software",
        spool_public_key=b64u(SPOOL.public.raw),
        customer_id=CUSTOMER,
        appliance_id=uuid.UUID(int=2),
        appliance_name="Harbour cloud",
        authority_list="a.b.c",
    )


def make_key() -> KeyEpoch:
    """An active key whose value is proven: backups are allowed."""
    return KeyEpoch.objects.create(
        key_id="k" * 32,
        epoch=1,
        kind="symmetric",
        origin="generated",
        state="active",
        commitment="c" * 43,
        made_at=timezone.now(),
        durable=True,
        proof_how="drilled",
    )


def make_target(name: str = "nas", repository: uuid.UUID | None = None) -> BackupTarget:
    return BackupTarget.objects.create(
        name=name,
        kind="directory",
        settings={"path": f"/mnt/{name}"},
        repository_id=repository or uuid.uuid4(),
    )


def make_image(target: BackupTarget, sequence: int = 1, state: str = "verified") -> BackupImage:
    return BackupImage.objects.create(
        target=target,
        state=state,
        own=True,
        serial="SR-A-0001",
        chain="c" * 64,
        sequence=sequence,
        customer_id=CUSTOMER,
        made_at=timezone.now(),
    )
