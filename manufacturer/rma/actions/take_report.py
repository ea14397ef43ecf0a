"""The unit's signed evidence: what came back, the new key, and the first image under it."""

from __future__ import annotations

from django.db import transaction

from audit.actor import Actor
from manufacturer.registry.errors import NotAccepted
from manufacturer.registry.trust import current_trust, reading
from manufacturer.rma.arrows import move
from manufacturer.rma.models import Attempt, Ticket
from manufacturer.rma.notices import notify
from sealing.documents import report, transfer
from sealing.encoding import normalise_pasted


def take_report(*, document: str) -> Ticket:
    """installed → restored. The same report again gives the same ticket.

    Raises `DocumentRefused`, `NotAccepted`, `TicketMove`.
    """
    with reading():
        found = report.read(normalise_pasted(document), current_trust())
    attempt = (
        Attempt.objects.select_related("ticket", "unit")
        .filter(
            ticket_id=found.ticket,
            unit__certificate_thumbprint=found.unit.thumbprint,
            state=Attempt.State.OPEN,
        )
        .exclude(installation_receipt="")
        .first()
    )
    if attempt is None or transfer.digest(attempt.transfer) != found.transfer:
        raise NotAccepted()
    ticket = attempt.ticket
    if (found.customer, found.appliance) != (str(ticket.customer_id), str(ticket.appliance_id)):
        raise NotAccepted()
    if ticket.restored_report and report.digest(ticket.restored_report) == found.digest:
        return ticket
    actor = Actor.unit(attempt.unit.serial)
    count = found.restored.objects
    with transaction.atomic():
        move(
            ticket,
            actor=actor,
            from_=Ticket.State.INSTALLED,
            to=Ticket.State.RESTORED,
            action="tickets.restored",
            text=(
                f"Unit {attempt.unit.serial} restored {count} object{'s' if count != 1 else ''}, "
                f"{found.restored.size:,} bytes, and rotated to epoch {found.new.epoch}."
            ),
            facts={"epoch": found.new.epoch, "first_image": found.first_image},
            restored_report=found.text,
        )
        notify(ticket, actor=actor, what="restored")
    return ticket
