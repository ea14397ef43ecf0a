"""Open a ticket for the loss of a unit, with values or with the header of any of its backup images."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from audit.actor import Actor
from audit.log import record
from manufacturer.escrow.models import LodgedValue
from manufacturer.escrow.pasted import Pasted, take_apart
from manufacturer.registry.errors import DocumentRefused, NotAccepted
from manufacturer.registry.models import Appliance, Customer, Unit
from manufacturer.registry.selectors import is_staff
from manufacturer.registry.trust import current_trust
from manufacturer.rma.errors import (
    MixedAppliances,
    OtherUnit,
    SourceNotLost,
    SourceRevoked,
    TicketDuplicate,
    TicketWithoutValue,
    TooManyValues,
)
from manufacturer.rma.models import Ticket, TicketValue, TimelineEntry
from manufacturer.rma.notices import notify
from sealing.documents.value import Value

if TYPE_CHECKING:
    from accounts.models import User

MOST_VALUES = 64  # of one ticket, as its document can name them
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
CAN_BE_LOST = (Unit.State.IN_SERVICE, Unit.State.FAILED)


@dataclass(frozen=True)
class _Claim:
    """What the presented values add up to."""

    customer: Customer
    appliance: Appliance
    source: Unit
    values: tuple[Pasted, ...]


def open_ticket(
    *,
    actor: Actor,
    user: User,
    text: str,
    reason: str = "",
    ended: str = "failed",
    unit: Unit | None = None,
) -> Ticket:
    """Asks for every presented value, and for every other one that is lodged for the same appliance.

    What the text alone shows is refused precisely (`DocumentRefused`, `TicketWithoutValue`,
    `MixedAppliances`); what depends on the registry is `NotAccepted` to outsiders, and `SourceRevoked`,
    `SourceNotLost`, `OtherUnit` or `TicketDuplicate` to the owner. `unit`, when given, has to be the one the
    values lead to.
    """
    values = _values_in(text)
    claim = _claim(user, values)
    if unit is not None and unit.pk != claim.source.pk:
        raise OtherUnit(serial=claim.source.serial)
    if ended in (Ticket.Ended.TAMPERED, Ticket.Ended.STOLEN):
        raise SourceRevoked(serial=claim.source.serial, ended=ended)
    ticket = Ticket(
        number="RMA-" + "".join(secrets.choice(ALPHABET) for _ in range(8)),
        customer=claim.customer,
        appliance=claim.appliance,
        source_unit=claim.source,
        reason=" ".join(reason.split()),
        ended=ended,
        opened_by=user.get_username(),
        contact_email=user.email or claim.customer.contact_email,
    )
    try:
        with transaction.atomic():
            ticket.save(force_insert=True)
            _attach_values(ticket, claim)
            TimelineEntry.objects.create(
                ticket=ticket,
                sequence=ticket.revision,
                state=ticket.state,
                actor=str(actor),
                text=f"Opened for unit {claim.source.serial}.",
            )
            record(
                "tickets.opened",
                actor=actor,
                subject=ticket.number,
                facts={"serial": claim.source.serial, "customer": str(claim.customer.pk)},
            )
            notify(ticket, actor=actor, what="submitted")
    except IntegrityError as error:
        other = Ticket.objects.filter(source_unit=claim.source).exclude(state__in=Ticket.OVER).first()
        raise TicketDuplicate(ticket=other.number if other else "") from error
    return ticket


def _values_in(text: str) -> tuple[Pasted, ...]:
    if not text.strip():
        raise TicketWithoutValue()
    found = take_apart(text, current_trust())
    for pasted in found:
        if pasted.fault:
            facts = {"why": pasted.why} if pasted.why else {}
            raise DocumentRefused(fault=pasted.fault, what=pasted.what, **facts)
    values = tuple(pasted for pasted in found if pasted.value is not None)
    if not values:
        raise TicketWithoutValue()
    return values


def _claim(user: User, pasted: tuple[Pasted, ...]) -> _Claim:
    values = [p.value for p in pasted if p.value is not None]
    owners = {(value.customer, value.appliance) for value in values}
    if not is_staff(user) and any(customer != str(user.customer_id) for customer, _ in owners):
        raise NotAccepted()
    if len(owners) > 1:
        raise MixedAppliances()
    customer_id, appliance_id = next(iter(owners))
    appliance = (
        Appliance.objects.select_related("customer").filter(pk=appliance_id, customer_id=customer_id).first()
    )
    signers = {value.unit.thumbprint: _signer(value) for value in values}
    if appliance is None:
        raise NotAccepted()
    for value in values:
        _check_still_good(value, signers[value.unit.thumbprint])
    source = _last_of_chain(signers.values())
    if source.state not in CAN_BE_LOST:
        raise SourceNotLost(serial=source.serial, state=source.state)
    return _Claim(appliance.customer, appliance, source, pasted)


def _signer(value: Value) -> Unit:
    unit = Unit.objects.filter(certificate_thumbprint=value.unit.thumbprint).first()
    if unit is None:
        raise NotAccepted()
    return unit


def _check_still_good(value: Value, unit: Unit) -> None:
    """Tampered or stolen: good for nothing. Closed out: what was lodged before stays good, nothing else."""
    lodged = LodgedValue.objects.filter(digest=value.digest).exists()
    revoked = unit.withdrawn_reason in (Unit.Withdrawn.TAMPERED, Unit.Withdrawn.STOLEN)
    if revoked or (unit.withdrawn_reason == Unit.Withdrawn.CLOSED_OUT and not lodged):
        raise SourceRevoked(serial=unit.serial, ended=unit.withdrawn_reason)


def _last_of_chain(units: Iterable[Unit]) -> Unit:
    """The unit the appliance lives on now: the end of the replaced-by chain of the newest signer."""
    unit = max(units, key=lambda u: u.created_at)
    while unit.replaced_by is not None:
        unit = unit.replaced_by
    return unit


def _attach_values(ticket: Ticket, claim: _Claim) -> None:
    """Presented values first, then lodged ones, newest epochs first.

    What revoked units signed is left out.
    """
    rows: dict[str, TicketValue] = {}
    lodged = {
        row.digest: row
        for row in LodgedValue.objects.filter(appliance=claim.appliance, customer=claim.customer)
        .exclude(unit__withdrawn_reason__in=[Unit.Withdrawn.TAMPERED, Unit.Withdrawn.STOLEN])
        .order_by("-epoch", "-lodged_at")
    }
    for pasted in claim.values:
        value = pasted.value
        assert value is not None
        known = lodged.get(value.digest)
        origin = TicketValue.Origin.HEADER if pasted.from_header else TicketValue.Origin.PRESENTED
        rows[value.digest] = TicketValue(
            ticket=ticket,
            digest=value.digest,
            key_id=value.key_id,
            epoch=value.epoch,
            serial=value.serial,
            document=value.text,
            receipt=known.receipt if known else "",
            origin=TicketValue.Origin.LODGED if known else origin,
        )
    for digest, row in lodged.items():
        if len(rows) < MOST_VALUES and digest not in rows:
            rows[digest] = TicketValue(
                ticket=ticket,
                digest=digest,
                key_id=row.key_id,
                epoch=row.epoch,
                serial=row.unit.serial,
                document=row.document,
                receipt=row.receipt,
                origin=TicketValue.Origin.LODGED,
            )
    if len(rows) > MOST_VALUES:
        raise TooManyValues(most=MOST_VALUES)
    TicketValue.objects.bulk_create(rows.values())
