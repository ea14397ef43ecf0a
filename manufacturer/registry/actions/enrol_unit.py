"""Enter a unit that the factory's device authority signed."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction

from audit.actor import Actor
from audit.log import record
from manufacturer.registry.errors import UnitKnown
from manufacturer.registry.models import Unit
from manufacturer.registry.trust import current_trust, reading
from sealing.documents import device_record
from sealing.encoding import from_b64u
from sealing.errors import BindingRefused, EncodingRefused


def enrol_unit(*, actor: Actor, bundle: dict[str, Any], model: str = "") -> Unit:
    """`bundle` is what `sign_device` printed.

    The unit stands in stock. Raises `DocumentRefused`, `UnitKnown`.
    """
    trust = current_trust()
    with reading():
        chain, text = bundle.get("chain"), bundle.get("device_record")
        if not (isinstance(chain, list) and all(isinstance(c, str) for c in chain) and isinstance(text, str)):
            raise EncodingRefused("member", "chain or device_record is missing")
        certificate = trust.unit(tuple(from_b64u(der) for der in chain))
        record_read = device_record.read(text, trust)
        if (record_read.serial, record_read.certificate) != (certificate.serial, certificate.thumbprint):
            raise BindingRefused("device", "the device record is another unit's")
    try:
        with transaction.atomic():
            unit = Unit.objects.create(
                serial=certificate.serial,
                model=record_read.model or model,
                state=Unit.State.IN_STOCK,
                chain=chain,
                certificate_thumbprint=certificate.thumbprint,
                device_record=text,
                kem_thumbprint=record_read.kem_thumbprint,
                vault=record_read.vault,
            )
            record(
                "units.enrolled",
                actor=actor,
                subject=unit.serial,
                facts={"certificate": certificate.thumbprint, "vault": record_read.vault},
            )
    except IntegrityError as error:
        raise UnitKnown(serial=certificate.serial) from error
    return unit
