"""A unit lodges an escrow value; the front desk signs a receipt for it."""

from __future__ import annotations

import datetime as dt
import time
import uuid

from django.db import IntegrityError, transaction

from audit.actor import Actor
from audit.log import record
from manufacturer.escrow.models import LodgedValue
from manufacturer.registry.actions.move_unit import move_unit
from manufacturer.registry.errors import NotAccepted
from manufacturer.registry.models import Unit
from manufacturer.registry.trust import current_trust, front_desk, reading
from sealing.documents import receipt, value
from sealing.encoding import normalise_pasted


def lodge_value(*, document: str) -> LodgedValue:
    """The same value again gives the same row and receipt. The first value of a sold unit puts it in service.

    Raises `DocumentRefused`; `NotAccepted` when the registry says otherwise than the value, or the signer's
    identity was withdrawn.
    """
    with reading():
        found = value.read(normalise_pasted(document), current_trust())
    known = LodgedValue.objects.filter(digest=found.digest).first()
    if known is not None:
        return known
    unit = lodging_unit(found.unit.thumbprint, found.customer, found.appliance)
    signer = front_desk()
    lodging_id, now = uuid.uuid4(), int(time.time())
    try:
        with transaction.atomic():
            row = LodgedValue.objects.create(
                id=lodging_id,
                unit=unit,
                customer_id=found.customer,
                appliance_id=found.appliance,
                key_id=found.key_id,
                epoch=found.epoch,
                authority_key_id=found.authority,
                digest=found.digest,
                document=found.text,
                receipt=receipt.issue(
                    receipt.LodgingReceipt(
                        id=str(lodging_id),
                        lodged="value",
                        document=found.digest,
                        serial=found.serial,
                        customer=found.customer,
                        appliance=found.appliance,
                        iat=now,
                    ),
                    signer,
                ),
                lodged_at=dt.datetime.fromtimestamp(now, dt.UTC),
            )
            if unit.state == Unit.State.SHIPPED:
                move_unit(
                    actor=Actor.unit(unit.serial),
                    unit=unit,
                    to=Unit.State.IN_SERVICE,
                    reason="lodged a value",
                )
            record(
                "values.lodged",
                actor=Actor.unit(unit.serial),
                subject=found.digest,
                facts={"serial": unit.serial, "epoch": found.epoch, "customer": found.customer},
            )
    except IntegrityError:
        # The same value came twice at once; the first one's receipt is the receipt.
        return LodgedValue.objects.get(digest=found.digest)
    return row


def lodging_unit(thumbprint: str, customer: str, appliance: str) -> Unit:
    """The unit of that identity, if it may lodge for that owner; one answer for every other case."""
    unit = Unit.objects.filter(certificate_thumbprint=thumbprint, withdrawn_reason="").first()
    if unit is None or (str(unit.customer_id), str(unit.appliance_id)) != (customer, appliance):
        raise NotAccepted()
    return unit
