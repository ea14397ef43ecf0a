"""A unit lodges the newest header of one of its targets; the sequence never goes back."""

from __future__ import annotations

import datetime as dt
import time
import uuid

from django.db import IntegrityError, transaction
from django.db.models import Q

from audit.actor import Actor
from audit.log import record
from manufacturer.escrow.actions.lodge_value import lodging_unit
from manufacturer.escrow.errors import HeadBackward
from manufacturer.escrow.models import LodgedHead
from manufacturer.registry.trust import current_trust, front_desk, reading
from sealing.documents import head, receipt
from sealing.encoding import normalise_pasted


def lodge_head(*, document: str) -> LodgedHead:
    """The same head again gives the same receipt. Raises `DocumentRefused`, `NotAccepted`, `HeadBackward`."""
    with reading():
        found = head.read(normalise_pasted(document), current_trust())
    unit = lodging_unit(found.unit.thumbprint, found.customer, found.appliance)
    row = LodgedHead.objects.filter(unit=unit, target_id=found.target).first()
    if row is not None and row.digest == found.digest:
        return row
    now = int(time.time())
    claims = receipt.LodgingReceipt(
        id=str(uuid.uuid4()),
        lodged="head",
        document=found.digest,
        serial=found.serial,
        customer=found.customer,
        appliance=found.appliance,
        iat=now,
    )
    sets = {
        "sequence": found.sequence,
        "header_digest": found.header,
        "digest": found.digest,
        "document": found.text,
        "receipt": receipt.issue(claims, front_desk()),
        "lodged_at": dt.datetime.fromtimestamp(now, dt.UTC),
    }
    try:
        with transaction.atomic():
            same_image = Q(sequence=found.sequence, header_digest=found.header)  # signed anew after a crash
            newer = LodgedHead.objects.filter(
                Q(sequence__lt=found.sequence) | same_image, unit=unit, target_id=found.target
            )
            # One UPDATE is both the comparison and the change; the unique constraint guards the first head.
            if not newer.update(**sets):
                if LodgedHead.objects.filter(unit=unit, target_id=found.target).exists():
                    raise HeadBackward(target=found.target, sequence=found.sequence)
                LodgedHead.objects.create(unit=unit, target_id=found.target, **sets)
            record(
                "heads.lodged",
                actor=Actor.unit(unit.serial),
                subject=found.target,
                facts={"serial": unit.serial, "sequence": found.sequence},
            )
    except IntegrityError as error:
        raise HeadBackward(target=found.target, sequence=found.sequence) from error
    return LodgedHead.objects.get(unit=unit, target_id=found.target)
