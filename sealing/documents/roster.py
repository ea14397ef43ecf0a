"""Custody's roster: who may approve and who keeps the roster (docs/formats/roster.md).

Version 1 is signed by the root at the ceremony; every later one by a person of the version before it, and
names that version's digest. Anyone on it may suspend; only a custodian may do anything else.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, Final

from sealing.claims import (
    UUID,
    Claims,
    Name,
    PersonId,
    Time,
    UuidText,
    Version,
    listed,
    nested,
    nullable,
    octets,
    one_of,
)
from sealing.ecdsa import POINT_BYTES, VerifyKey
from sealing.encoding import B64u, Digest, from_b64u
from sealing.errors import BindingRefused, ChainRefused
from sealing.identity import Certificate
from sealing.jose import KIB, Form, Signer, digest, parse
from sealing.labels import TYP_ROSTER

from .base import Document

__all__ = ["FORM", "Roster", "RosterPerson", "digest", "issue", "read_first", "read_next"]

FORM: Final = Form(TYP_ROSTER, 256 * KIB)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RosterPerson(Claims):
    """One person with one key. `customer` is set for people who belong to a customer."""

    id: PersonId
    name: Name
    roles: Annotated[tuple[str, ...], listed(one_of("approver", "custodian"), 1, 2)]
    key: Annotated[B64u, octets(POINT_BYTES)]
    state: Annotated[str, one_of("active", "suspended")]
    customer: Annotated[UuidText | None, nullable(UUID)]

    def public(self) -> VerifyKey:
        """The person's key, checked."""
        return VerifyKey.from_bytes(from_b64u(self.key))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Roster(Document):
    """The people as of a version."""

    FORM = FORM
    version: Version
    previous: Annotated[Digest | None, nullable(octets(48))]
    iat: Time
    people: Annotated[tuple[RosterPerson, ...], listed(nested(RosterPerson), 1, 500)]

    def find(self, person_id: str) -> RosterPerson | None:
        """The person of that id."""
        return next((person for person in self.people if person.id == person_id), None)

    def by_key(self, kid: str) -> RosterPerson | None:
        """The person whose key has that thumbprint."""
        return next((person for person in self.people if person.public().thumbprint == kid), None)


def issue(claims: Roster, signer: Signer) -> str:
    """Sign a roster: the first by the root, later ones by a person of the version before."""
    _check_people(claims)
    return claims.issue(signer)


def read_first(text: str, root: Certificate) -> Roster:
    """Version 1, signed by the root at the ceremony."""
    # 1–4. Text, encoding, type, members.
    parsed = parse(FORM, text)
    roster = Roster.taken(parsed)
    # 5. Named for the pinned root.
    if parsed.kid != root.thumbprint:
        raise ChainRefused("kid", "a first roster is signed by the pinned root")
    # 6. The signature.
    parsed.verify(root.key)
    # 7. It is the first, and its people are sound.
    if roster.version != 1 or roster.previous is not None:
        raise BindingRefused("version", "not a first roster")
    _check_people(roster)
    return roster


def read_next(text: str, current: Roster) -> Roster:
    """The version after `current`, which has been read."""
    # 1–4. Text, encoding, type, members.
    parsed = parse(FORM, text)
    roster = Roster.taken(parsed)
    # 5. The signer is an active person of the current version.
    signer = current.by_key(parsed.kid)
    if signer is None or signer.state != "active":
        raise ChainRefused("not-on-roster", "signed by nobody who is active on the roster before")
    # 6. The signature.
    parsed.verify(signer.public())
    # 7. It follows the current version, and the signer may change what it changes.
    if roster.version != current.version + 1 or roster.previous != current.digest:
        raise BindingRefused("version", "does not follow the roster known here", known=current.version)
    _check_people(roster)
    if "custodian" not in signer.roles and not _only_suspends(current, roster):
        raise ChainRefused("not-custodian", "only a custodian may do more than suspend")
    return roster


def _only_suspends(before: Roster, after: Roster) -> bool:
    if len(before.people) != len(after.people):
        return False
    return all(
        new in (old, dataclasses.replace(old, state="suspended"))
        for old, new in zip(before.people, after.people, strict=True)
    )


def _check_people(roster: Roster) -> None:
    people = roster.people
    if len({person.id for person in people}) != len(people):
        raise ChainRefused("roster", "a person stands twice")
    if len({person.public().thumbprint for person in people}) != len(people):
        raise ChainRefused("roster", "two persons share a key")
    if any(len(set(person.roles)) != len(person.roles) for person in people):
        raise ChainRefused("roster", "a role stands twice")
    if not any("custodian" in person.roles and person.state == "active" for person in people):
        raise ChainRefused("roster", "no custodian is left")
