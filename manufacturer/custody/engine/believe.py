"""What signed documents alone show, judged without any I/O: steps in the order in which they bind.

The desk may be wholly hostile: `documents` is whatever it sent. Nothing here opens anything, asks a database
or a clock. Every failure is a `Refused` of sealing or a `NotBelieved`; the caller makes them one answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from manufacturer.custody.errors import NotBelieved
from sealing.documents import (
    approval,
    device_record,
    drill,
    head,
    receipt,
    ticket,
    transfer_request,
    value,
    void,
    withdrawal,
)
from sealing.hpke import KemPublicKey
from sealing.trust import Trust

MOST = 64  # documents in one list
ENDED_WELL = ("failed", "retired")  # ends after which what a unit signed before stays good


@dataclass(frozen=True)
class Recovery:
    """A recovery that every signed document agrees on."""

    ticket: ticket.Ticket
    request: transfer_request.TransferRequest
    kem: KemPublicKey
    values: tuple[value.Value, ...]
    approvals: tuple[approval.Approval, ...]

    @property
    def identities(self) -> set[str]:
        """Certificates of every unit this concerns: the target's, the source's, each value's signer's."""
        signers = {v.unit.thumbprint for v in self.values}
        return {self.ticket.source.certificate, self.request.unit.thumbprint, *signers}


def believe_recovery(documents: Mapping[str, Any], trust: Trust, now: int) -> Recovery:
    """The recovery that `documents` ask for, or a refusal."""
    # 1. The exact ticket document, alive, of a kind that custody does.
    asked = ticket.read(_text(documents, "ticket"), trust)
    asked.require_fresh(now)
    if asked.kind != "replacement":
        raise NotBelieved("ticket.kind")
    # 2. Enough people of custody's own roster signed exactly this document.
    approvals = approval.require_round(_texts(documents, "approvals"), asked, trust)
    # 3. The target: its own request, the factory's record of its device key, and the ticket all agree.
    record = device_record.read(_text(documents, "device_record"), trust)
    request = transfer_request.read(_text(documents, "request"), trust)
    request.require_device(record)
    _check_target(asked, request, record)
    # 4. How the source ended: what a tampered or stolen unit signed is good for nothing.
    if asked.source.ended not in ENDED_WELL:
        raise NotBelieved("source.ended")
    if asked.source.certificate == request.unit.thumbprint:
        raise NotBelieved("source.is-target")
    # 5. The values: those of the ticket, each naming the ticket's customer and appliance since its sealing.
    values = _believe_values(asked, _texts(documents, "values"), trust)
    # 6. What the ticket calls lodged has the front desk's receipt; the rest cost a third approval (step 2).
    _check_receipts(asked, _texts(documents, "receipts"), trust)
    # 7. Heads travel on only as their units signed them.
    _check_heads(asked, _texts(documents, "heads"), trust)
    return Recovery(asked, request, record.kem_key(), values, approvals)


def believe_drill(documents: Mapping[str, Any], trust: Trust) -> tuple[drill.DrillRequest, value.Value]:
    """A unit's question about a value of its own appliance."""
    return drill.read_request(_text(documents, "request"), trust)


def believe_void(documents: Mapping[str, Any], trust: Trust) -> void.VoidNotice:
    """The front desk takes an attempt back. It only takes away, so its signature is enough."""
    notice = void.read(_text(documents, "notice"), trust)
    if notice.attempt < 1:
        raise NotBelieved("void.attempt")
    return notice


def believe_withdrawal(documents: Mapping[str, Any], trust: Trust) -> withdrawal.Withdrawal:
    """The front desk says an identity was tampered with or stolen. It only takes away."""
    return withdrawal.read(_text(documents, "notice"), trust)


def _check_target(
    asked: ticket.Ticket, request: transfer_request.TransferRequest, record: device_record.DeviceRecord
) -> None:
    named = asked.target
    if (
        named.serial,
        named.certificate,
        named.kem_thumbprint,
        named.vault,
        named.request,
        named.nonce,
    ) != (
        request.serial,
        request.unit.thumbprint,
        request.kem_thumbprint,
        record.vault,
        request.digest,
        request.nonce,
    ):
        raise NotBelieved("target.differs")


def _believe_values(asked: ticket.Ticket, texts: list[str], trust: Trust) -> tuple[value.Value, ...]:
    values = tuple(value.read(text, trust) for text in texts)
    if [v.digest for v in values] != [named.digest for named in asked.values]:
        raise NotBelieved("values.differ")
    for found, named in zip(values, asked.values, strict=True):
        found.require_owner(asked.customer.id, asked.appliance.id)
        if (found.serial, found.key_id, found.epoch) != (named.serial, named.key_id, named.epoch):
            raise NotBelieved("values.differ")
        if found.serial == asked.source.serial and found.unit.thumbprint != asked.source.certificate:
            raise NotBelieved("values.other-identity")
    return values


def _check_receipts(asked: ticket.Ticket, texts: list[str], trust: Trust) -> None:
    receipts = {r.document: r for r in (receipt.read(text, trust) for text in texts) if r.lodged == "value"}
    for named in asked.values:
        if named.lodged_at is None:
            continue
        found = receipts.get(named.digest)
        if found is None or (found.serial, found.customer, found.appliance, found.iat) != (
            named.serial,
            asked.customer.id,
            asked.appliance.id,
            named.lodged_at,
        ):
            raise NotBelieved("receipts.missing")


def _check_heads(asked: ticket.Ticket, texts: list[str], trust: Trust) -> None:
    heads = tuple(head.read(text, trust) for text in texts)
    if tuple(found.reference() for found in heads) != asked.heads:
        raise NotBelieved("heads.differ")
    for found in heads:
        if (found.customer, found.appliance) != (asked.customer.id, asked.appliance.id):
            raise NotBelieved("heads.owner")


def _text(documents: Mapping[str, Any], name: str) -> str:
    found = documents.get(name)
    if not isinstance(found, str):
        raise NotBelieved("documents.shape")
    return found


def _texts(documents: Mapping[str, Any], name: str) -> list[str]:
    found = documents.get(name)
    if not isinstance(found, list) or len(found) > MOST or not all(isinstance(t, str) for t in found):
        raise NotBelieved("documents.shape")
    return found
