"""A unit asks to receive keys; its request waits until a clerk joins it to a ticket."""

from __future__ import annotations

from django.db import transaction

from audit.actor import Actor
from audit.log import record
from manufacturer.registry.errors import NotAccepted
from manufacturer.registry.models import TransferRequest, Unit
from manufacturer.registry.trust import current_trust, reading
from sealing.documents import device_record, transfer_request
from sealing.encoding import normalise_pasted

MAY_RECEIVE = (Unit.State.IN_STOCK, Unit.State.RESERVED, Unit.State.SHIPPED, Unit.State.UNDER_REPAIR)


def take_transfer_request(*, document: str) -> TransferRequest:
    """The same request again gives the same row; a new one supersedes the one that waited.

    Raises `DocumentRefused`, or `NotAccepted` for whatever depends on the registry.
    """
    trust = current_trust()
    with reading():
        asked = transfer_request.read(normalise_pasted(document), trust)
    unit = Unit.objects.filter(certificate_thumbprint=asked.unit.thumbprint, withdrawn_reason="").first()
    if unit is None or unit.state not in MAY_RECEIVE:
        raise NotAccepted()
    with reading():
        asked.require_device(device_record.read(unit.device_record, trust))
    with transaction.atomic():
        known = TransferRequest.objects.filter(digest=asked.digest).first()
        if known is not None:
            return known
        waiting = TransferRequest.objects.filter(unit=unit, state=TransferRequest.State.WAITING)
        waiting.update(state=TransferRequest.State.SUPERSEDED)
        if TransferRequest.objects.filter(unit=unit, state=TransferRequest.State.JOINED).exists():
            # Joined to a ticket: the people who approved it approved that request, not this one.
            raise NotAccepted()
        row = TransferRequest.objects.create(
            unit=unit, digest=asked.digest, document=asked.text, nonce=asked.nonce
        )
        record("transfer-requests.taken", actor=Actor.unit(unit.serial), subject=unit.serial)
    return row
