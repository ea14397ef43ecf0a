"""The ticket document: everything two people approve, in the front desk's signature."""

from __future__ import annotations

import time

from manufacturer.escrow.models import LodgedHead
from manufacturer.registry.models import Unit
from manufacturer.registry.trust import current_trust, front_desk
from manufacturer.rma.models import Attempt, Ticket, TicketValue
from sealing.claims import HeadRef, Party, Person, Source
from sealing.documents import device_record, head, receipt, ticket, transfer_request
from sealing.encoding import Digest, Thumbprint

LIFE = 14 * 86_400  # seconds within which a document has to be approved and acted on
MOST_HEADS = 32


def make_document(row: Ticket, attempt: Attempt) -> tuple[str, str]:
    """The signed document of `attempt` as the ticket now stands, and its digest."""
    now = int(time.time())
    source = row.source_unit
    assert source.withdrawn_at is not None
    claims = ticket.Ticket(
        id=str(row.pk),
        number=row.number,
        revision=row.revision,
        attempt=attempt.number,
        kind=row.kind,
        reason=row.reason,
        customer=Party(id=str(row.customer_id), name=row.customer.name),
        appliance=Party(id=str(row.appliance_id), name=row.appliance.name),
        source=Source(
            serial=source.serial,
            certificate=Thumbprint(source.certificate_thumbprint),
            ended=source.withdrawn_reason,
            ended_at=int(source.withdrawn_at.timestamp()),
        ),
        values=tuple(_value(value) for value in row.values.order_by("-epoch", "id")),
        target=_target(attempt),
        heads=tuple(_heads(row)),
        opened_by=Person(id=row.opened_by, name=row.opened_by),
        edited_by=tuple(Person(id=name, name=name) for name in row.edited_by),
        iat=now,
        exp=now + LIFE,
    )
    text = ticket.issue(claims, front_desk())
    return text, ticket.digest(text)


def documents_for_custody(row: Ticket, attempt: Attempt) -> dict[str, object]:
    """Everything custody judges a recovery by.

    Nothing else that stands in this database is believed there.
    """
    values = list(row.values.order_by("-epoch", "id"))
    return {
        "ticket": attempt.document,
        "approvals": list(
            attempt.approvals.filter(void=False).order_by("made_at", "id").values_list("document", flat=True)
        ),
        "request": attempt.request.document,
        "device_record": attempt.unit.device_record,
        "values": [value.document for value in values],
        "receipts": [value.receipt for value in values if value.receipt],
        "heads": [lodged.document for lodged in _lodged_heads(row)],
    }


def _value(value: TicketValue) -> ticket.TicketValue:
    lodged_at = receipt.read(value.receipt, current_trust()).iat if value.receipt else None
    return ticket.TicketValue(
        digest=Digest(value.digest),
        serial=value.serial,
        key_id=value.key_id,
        epoch=value.epoch,
        lodged_at=lodged_at,
    )


def _target(attempt: Attempt) -> ticket.TicketTarget:
    trust = current_trust()
    asked = transfer_request.read(attempt.request.document, trust)
    record = device_record.read(attempt.unit.device_record, trust)
    return ticket.TicketTarget(
        serial=asked.serial,
        certificate=asked.unit.thumbprint,
        kem_thumbprint=asked.kem_thumbprint,
        vault=record.vault,
        request=asked.digest,
        nonce=asked.nonce,
    )


def _lodged_heads(row: Ticket) -> list[LodgedHead]:
    """Newest heads of every unit the appliance lived on; of revoked units none."""
    return list(
        LodgedHead.objects.filter(unit__appliance=row.appliance, unit__customer=row.customer)
        .exclude(unit__withdrawn_reason__in=[Unit.Withdrawn.TAMPERED, Unit.Withdrawn.STOLEN])
        .order_by("-lodged_at", "id")[:MOST_HEADS]
    )


def _heads(row: Ticket) -> list[HeadRef]:
    trust = current_trust()
    return [head.read(lodged.document, trust).reference() for lodged in _lodged_heads(row)]
