"""Approval: one person signs the digest of one exact ticket document (docs/formats/approval.md).

Made on the person's own side: by the command-line tool, or by Web Crypto in the browser. `require_round` is
the rule of how many and who.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Final

from sealing.claims import DocumentDigest, PersonId, Time, UuidText, Version
from sealing.errors import BindingRefused, ChainRefused
from sealing.jose import KIB, Form, Signer, digest, parse
from sealing.labels import TYP_APPROVAL
from sealing.trust import Trust

from .base import Document
from .ticket import Ticket

__all__ = ["FORM", "Approval", "digest", "issue", "read", "require_round"]

FORM: Final = Form(TYP_APPROVAL, 2 * KIB)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Approval(Document):
    """Who approves what."""

    FORM = FORM
    ticket: UuidText
    attempt: Version
    document: DocumentDigest
    person: PersonId
    iat: Time


def issue(ticket: Ticket, *, person: str, iat: int, signer: Signer) -> str:
    """Sign `ticket`, which was read and shown; the signer is named by the person's key thumbprint."""
    claims = Approval(
        ticket=ticket.id, attempt=ticket.attempt, document=ticket.digest, person=person, iat=iat
    )
    return claims.issue(signer)


def read(text: str, ticket: Ticket, trust: Trust) -> Approval:
    """One person's approval of this exact document, by the roster in force."""
    # 1–4. Text, encoding, type, members.
    parsed = parse(FORM, text)
    approval = Approval.taken(parsed)
    # 5. The key is that of an active approver of the roster.
    person = trust.roster.by_key(parsed.kid)
    if person is None or person.state != "active":
        raise ChainRefused("not-on-roster", "signed by nobody who is active on the roster")
    if "approver" not in person.roles:
        raise ChainRefused("not-approver", "the person may not approve")
    # 6. The signature.
    parsed.verify(person.public())
    # 7. The person speaks for themselves, of this exact document.
    if approval.person != person.id:
        raise BindingRefused("person", "signed with another person's key")
    if (approval.ticket, approval.attempt) != (ticket.id, ticket.attempt):
        raise BindingRefused("ticket", "an approval of another ticket or attempt")
    if approval.document != ticket.digest:
        raise BindingRefused("document", "the ticket was edited since")
    # 8. Nobody approves their own act or their own employer's (approval.md §3).
    if person.id == ticket.opened_by.id or person.id in {editor.id for editor in ticket.edited_by}:
        raise BindingRefused("own-act", "the person opened or edited the ticket")
    if person.customer == ticket.customer.id:
        raise BindingRefused("own-customer", "the person belongs to the ticket's customer")
    return approval


def needed(ticket: Ticket) -> int:
    """Two people; three where a value was never lodged and comes only from an image's header."""
    return 3 if any(value.lodged_at is None for value in ticket.values) else 2


def require_round(texts: Iterable[str], ticket: Ticket, trust: Trust) -> tuple[Approval, ...]:
    """All approvals, genuine, by enough distinct people; `BindingRefused` if too few."""
    approvals = tuple(read(text, ticket, trust) for text in texts)
    if len({approval.person for approval in approvals}) != len(approvals):
        raise BindingRefused("same-person", "one person approved twice")
    if len(approvals) < needed(ticket):
        raise BindingRefused(
            "too-few", "more people must approve", needed=needed(ticket), found=len(approvals)
        )
    return approvals
