"""A unit asks whether a value still opens; custody is asked along the path of a true recovery."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from audit.actor import Actor
from audit.log import record
from manufacturer.escrow.actions.lodge_value import lodging_unit
from manufacturer.escrow.models import CustodyRequest, Drill
from manufacturer.registry.trust import current_trust, reading
from sealing.documents import drill
from sealing.encoding import normalise_pasted


def ask_drill(*, document: str) -> Drill:
    """The same request again gives the same drill. Raises `DocumentRefused`, `NotAccepted`."""
    with reading():
        asked, value = drill.read_request(normalise_pasted(document), current_trust())
    known = Drill.objects.filter(request_digest=asked.digest).first()
    if known is not None:
        return known
    unit = lodging_unit(asked.unit.thumbprint, asked.customer, asked.appliance)
    try:
        with transaction.atomic():
            request = CustodyRequest.objects.create(
                kind=CustodyRequest.Kind.DRILL,
                subject=f"drill by {unit.serial}",
                documents={"request": asked.text},
            )
            row = Drill.objects.create(
                unit=unit,
                customer_id=asked.customer,
                value_digest=value.digest,
                request_digest=asked.digest,
                custody_request=request,
            )
            record(
                "drills.asked",
                actor=Actor.unit(unit.serial),
                subject=value.digest,
                facts={"serial": unit.serial, "purpose": asked.purpose},
            )
    except IntegrityError:
        return Drill.objects.get(request_digest=asked.digest)
    return row
