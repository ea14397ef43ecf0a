"""Ledger entry: one line of custody's ledger, signed by custody (docs/formats/ledger.md).

Each entry names the digest of the one before; an `intent` is written before a value is opened, a `result`
after it. The front desk countersigns what it has seen, so neither side can later show another ledger.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

from sealing.claims import UUID, Count, DocumentDigest, Name, Time, UuidText, listed, nullable, octets, one_of
from sealing.encoding import Digest
from sealing.errors import BindingRefused
from sealing.jose import KIB, Form, Signer, digest
from sealing.labels import TYP_COUNTERSIGNATURE, TYP_LEDGER_ENTRY

from .base import AuthorityDocument

if TYPE_CHECKING:
    from sealing.trust import Trust

__all__ = [
    "Countersignature",
    "LedgerEntry",
    "countersign",
    "digest",
    "issue",
    "read",
    "read_countersignature",
]

FORM: Final = Form(TYP_LEDGER_ENTRY, 32 * KIB)
KINDS: Final = ("recover", "drill", "void", "roster", "release", "bar", "scan")
PHASES: Final = ("intent", "result")


@dataclasses.dataclass(frozen=True, kw_only=True)
class LedgerEntry(AuthorityDocument):
    """What custody was about to do, or has done. `values` are digests of value records."""

    FORM: ClassVar[Form] = FORM
    USE: ClassVar[str] = "custody"
    sequence: Count
    previous: Annotated[Digest | None, nullable(octets(48))]
    iat: Time
    kind: Annotated[str, one_of(*KINDS)]
    phase: Annotated[str, one_of(*PHASES)]
    outcome: Name
    request: Annotated[UuidText | None, nullable(UUID)]
    customer: Annotated[UuidText | None, nullable(UUID)]
    subject: Name
    values: Annotated[tuple[Digest, ...], listed(octets(48), 0, 64)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Countersignature(AuthorityDocument):
    """The front desk has seen this entry, as the one of this sequence."""

    FORM: ClassVar[Form] = Form(TYP_COUNTERSIGNATURE, 4 * KIB)
    USE: ClassVar[str] = "front-desk"
    sequence: Count
    entry: DocumentDigest
    iat: Time


def issue(claims: LedgerEntry, signer: Signer) -> str:
    """Sign an entry with custody's key."""
    return claims.issue(signer)


def read(text: str, trust: Trust) -> LedgerEntry:
    """An entry that custody signed. Whether it follows the one before is `check_follows`."""
    return LedgerEntry.read_by(text, trust)


def check_follows(entry: LedgerEntry, previous: LedgerEntry | None) -> None:
    """`BindingRefused` unless `entry` comes right after `previous` (None: it is the first)."""
    sequence = 1 if previous is None else previous.sequence + 1
    digest_before = None if previous is None else previous.digest
    if entry.sequence != sequence or entry.previous != digest_before:
        raise BindingRefused("sequence", "does not follow the entry before", wanted=sequence)


def countersign(entry: LedgerEntry, *, iat: int, signer: Signer) -> str:
    """The front desk's countersignature of an entry that was read."""
    return Countersignature(sequence=entry.sequence, entry=entry.digest, iat=iat).issue(signer)


def read_countersignature(text: str, trust: Trust, *, sequence: int, entry: str) -> Countersignature:
    """The front desk's countersignature of that entry; of another one is refused."""
    found = Countersignature.read_by(text, trust)
    if found.sequence != sequence or found.entry != entry:
        raise BindingRefused("sequence", "countersigns another entry", wanted=sequence)
    return found
