"""Ticket document: the exact thing that two people approve (docs/formats/ticket.md).

Signed by the front desk, approved by people, believed by custody only with their approvals. Any edit makes
another document with another digest, and so voids what was approved. `render` gives the one text a person
reads first.
"""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Annotated, Final

from sealing.claims import (
    TIME,
    AParty,
    APerson,
    ASource,
    Claims,
    DocumentDigest,
    Epoch,
    Heads,
    KeyId,
    KeyThumbprint,
    Name,
    Nonce,
    Person,
    Serial,
    Time,
    UuidText,
    Version,
    listed,
    nested,
    nullable,
    one_of,
    words,
)
from sealing.errors import BindingRefused
from sealing.jose import KIB, Form, Signer, digest
from sealing.labels import TYP_TICKET
from sealing.trust import Trust

from .base import AuthorityDocument

__all__ = ["FORM", "Ticket", "TicketTarget", "TicketValue", "digest", "issue", "read"]

FORM: Final = Form(TYP_TICKET, 128 * KIB)
KINDS: Final = ("replacement", "mirror", "scale-out", "rehearsal", "key-copy")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TicketValue(Claims):
    """One value to be opened; `lodged_at` is null where it comes only from an image's header."""

    digest: DocumentDigest
    serial: Serial
    key_id: KeyId
    epoch: Epoch
    lodged_at: Annotated[int | None, nullable(TIME)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TicketTarget(Claims):
    """The unit that receives, by its identity, device key and request."""

    serial: Serial
    certificate: KeyThumbprint
    kem_thumbprint: KeyThumbprint
    vault: Annotated[str, one_of("software", "tpm", "module")]
    request: DocumentDigest
    nonce: Nonce


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ticket(AuthorityDocument):
    """Everything that is approved. `attempt` counts reissues, `revision` edits."""

    FORM = FORM
    USE = "front-desk"
    id: UuidText
    number: Name
    revision: Version
    attempt: Version
    kind: Annotated[str, one_of(*KINDS)]
    reason: Annotated[str, words(1000)]
    customer: AParty
    appliance: AParty
    source: ASource
    values: Annotated[tuple[TicketValue, ...], listed(nested(TicketValue), 1, 64)]
    target: Annotated[TicketTarget, nested(TicketTarget)]
    heads: Heads
    opened_by: APerson
    edited_by: Annotated[tuple[Person, ...], listed(nested(Person), 0, 64)]
    iat: Time
    exp: Time

    def require_fresh(self, now: int) -> None:
        """`BindingRefused` once the document has expired."""
        if now >= self.exp:
            raise BindingRefused("expired", "the ticket document has expired", expired=self.exp)

    def render(self) -> str:
        """The canonical text that a person reads before signing (ticket.md §4): all claims, in this order."""
        lines = [
            ("Ticket", f"{self.number} ({self.id})"),
            ("Kind", self.kind),
            ("Attempt, revision", f"{self.attempt}, {self.revision}"),
            ("Reason", self.reason or "none given"),
            ("Customer", f"{self.customer.name} ({self.customer.id})"),
            ("Appliance", f"{self.appliance.name} ({self.appliance.id})"),
            ("Keys of unit", self.source.serial),
            ("  identity", self.source.certificate),
            ("  it", f"{self.source.ended} on {_time(self.source.ended_at)}"),
        ]
        for value in self.values:
            origin = (
                "from an image header only" if value.lodged_at is None else f"lodged {_time(value.lodged_at)}"
            )
            lines += [
                ("Value", f"epoch {value.epoch}, key {value.key_id}, unit {value.serial}, {origin}"),
                ("  digest", value.digest),
            ]
        lines += [
            ("To unit", f"{self.target.serial}, {self.target.vault} vault"),
            ("  identity", self.target.certificate),
            ("  device key", self.target.kem_thumbprint),
            ("  request", self.target.request),
            ("  nonce", self.target.nonce),
        ]
        for head in self.heads:
            lines += [
                ("Newest image", f"number {head.sequence} of {_time(head.made_at)} on target {head.target}"),
                ("  header", head.header),
                ("  head", head.head),
            ]
        lines += [("Opened by", f"{self.opened_by.name} ({self.opened_by.id})")]
        lines += [("Edited by", f"{person.name} ({person.id})") for person in self.edited_by]
        lines += [
            ("Made", _time(self.iat)),
            ("Expires", _time(self.exp)),
            ("Document", self.digest),
        ]
        return "".join(f"{label + ':':<19}{text}\n" for label, text in lines)


def issue(claims: Ticket, signer: Signer) -> str:
    """Sign with the front desk's key."""
    return claims.issue(signer)


def read(text: str, trust: Trust) -> Ticket:
    """A ticket document signed by the front desk. It authorises nothing without its approvals."""
    ticket = Ticket.read_by(text, trust)
    # 7. It lives, and it says nothing twice.
    if ticket.exp <= ticket.iat:
        raise BindingRefused("expired", "expires before it was made")
    if len({value.digest for value in ticket.values}) != len(ticket.values):
        raise BindingRefused("values", "a value stands twice")
    return ticket


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
