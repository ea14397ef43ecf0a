"""The unit's signed receipt: the keys are in its keyring, the nonce is consumed."""

from __future__ import annotations

from django.db import transaction

from audit.actor import Actor
from ground.db.transitions import swap
from manufacturer.registry.actions.move_unit import move_unit
from manufacturer.registry.errors import NotAccepted
from manufacturer.registry.models import TransferRequest, Unit
from manufacturer.registry.trust import current_trust, reading
from manufacturer.rma.arrows import move
from manufacturer.rma.errors import TicketMove
from manufacturer.rma.models import Attempt, Ticket
from manufacturer.rma.notices import notify
from sealing.documents import installation, transfer
from sealing.encoding import normalise_pasted


def take_installation(*, document: str) -> Ticket:
    """shipped → installed. The same receipt again gives the same ticket.

    Raises `DocumentRefused`, `NotAccepted`, `TicketMove`.
    """
    trust = current_trust()
    with reading():
        found = installation.read(normalise_pasted(document), trust)
    attempt = (
        Attempt.objects.select_related("ticket", "ticket__source_unit", "unit", "request")
        .filter(
            ticket_id=found.ticket,
            number=found.attempt,
            unit__certificate_thumbprint=found.unit.thumbprint,
            state=Attempt.State.OPEN,
        )
        .exclude(transfer="")
        .first()
    )
    if attempt is None:
        raise NotAccepted()
    if attempt.installation_receipt and installation.digest(attempt.installation_receipt) == found.digest:
        return attempt.ticket
    with reading():
        found.require_for(transfer.read(attempt.transfer, trust))
    return _install(attempt, found)


def _install(attempt: Attempt, found: installation.Installation) -> Ticket:
    ticket, unit, actor = attempt.ticket, attempt.unit, Actor.unit(attempt.unit.serial)
    with transaction.atomic():
        move(
            ticket,
            actor=actor,
            from_=Ticket.State.SHIPPED,
            to=Ticket.State.INSTALLED,
            action="tickets.installed",
            text=f"Unit {unit.serial} installed the keys.",
            facts={"transfer": found.transfer},
        )
        fresh = Attempt.objects.filter(pk=attempt.pk, installation_receipt="", received_at__isnull=False)
        if not swap(fresh, "state", Attempt.State.OPEN, Attempt.State.OPEN, installation_receipt=found.text):
            raise TicketMove(ticket=ticket.number, state=ticket.state, received=False)
        swap(attempt.request, "state", TransferRequest.State.JOINED, TransferRequest.State.USED)
        move_unit(
            actor=actor,
            unit=unit,
            to=Unit.State.IN_SERVICE,
            reason=ticket.number,
            customer=ticket.customer,
            appliance=ticket.appliance,
        )
        Unit.objects.filter(pk=ticket.source_unit_id, replaced_by=None).update(replaced_by=unit)
        notify(ticket, actor=actor, what="installed")
    return ticket
