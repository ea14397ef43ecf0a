"""Drill: a proof that a value still opens, in which the key never leaves custody (docs/formats/drill.md).

The unit asks with a value and a fresh nonce; custody opens the value by the same path as a recovery and
answers only a MAC under a key derived from `K`. The unit computes the same and compares: a wrong key, a wrong
value, a dead authority key and a swapped public key all show as `CommitmentRefused`.
"""

from __future__ import annotations

import dataclasses
import secrets
from typing import Annotated, Final

from sealing.backupkey import BackupKey
from sealing.claims import (
    DocumentDigest,
    KeyThumbprint,
    Nonce,
    Serial,
    Time,
    UuidText,
    document,
    octets,
    one_of,
)
from sealing.encoding import B64u, b64u, from_b64u
from sealing.errors import BindingRefused, CommitmentRefused
from sealing.jose import KIB, Form, Signer, digest
from sealing.kdf import derive, mac
from sealing.labels import DERIVE_DRILL, MAC_DRILL, TYP_DRILL_PROOF, TYP_DRILL_REQUEST
from sealing.secret import Key256, same
from sealing.trust import Trust

from . import value as value_document
from .base import AuthorityDocument, UnitDocument
from .value import Value

__all__ = [
    "PROOF_FORM",
    "REQUEST_FORM",
    "DrillProof",
    "DrillRequest",
    "answer",
    "check",
    "digest",
    "issue_proof",
    "issue_request",
    "read_proof",
    "read_request",
]

REQUEST_FORM: Final = Form(TYP_DRILL_REQUEST, 32 * KIB, chained=True)
PROOF_FORM: Final = Form(TYP_DRILL_PROOF, 4 * KIB)
PURPOSES: Final = ("activation", "scheduled", "manual", "campaign")


@dataclasses.dataclass(frozen=True, kw_only=True)
class DrillRequest(UnitDocument):
    """Asks for a proof over one value."""

    FORM = REQUEST_FORM
    serial: Serial
    customer: UuidText
    appliance: UuidText
    value: Annotated[str, document(16 * KIB)]
    nonce: Nonce
    purpose: Annotated[str, one_of(*PURPOSES)]
    iat: Time


@dataclasses.dataclass(frozen=True, kw_only=True)
class DrillProof(AuthorityDocument):
    """Custody's answer."""

    FORM = PROOF_FORM
    USE = "custody"
    request: DocumentDigest
    value: DocumentDigest
    authority: KeyThumbprint
    nonce: Nonce
    answer: Annotated[B64u, octets(32)]
    iat: Time


def issue_request(
    value: str, *, serial: str, customer: str, appliance: str, purpose: str, iat: int, signer: Signer
) -> str:
    """A request with a fresh nonce; its text is kept until the proof came."""
    claims = DrillRequest(
        serial=serial,
        customer=customer,
        appliance=appliance,
        value=value,
        nonce=b64u(secrets.token_bytes(32)),
        purpose=purpose,
        iat=iat,
    )
    return claims.issue(signer)


def read_request(text: str, trust: Trust) -> tuple[DrillRequest, Value]:
    """A genuine request and the genuine value in it, both naming the same customer and appliance."""
    # 1–7. docs/formats/README.md §4.
    request = DrillRequest.read_by(text, trust)
    # 8. The value, by its own reader. It may come from an earlier unit of the same appliance.
    value = value_document.read(request.value, trust)
    # 9. The same owner in both (drill.md §3).
    value.require_owner(request.customer, request.appliance)
    return request, value


def answer(key: BackupKey, *, nonce: str, value: str, authority: str) -> B64u:
    """The MAC over nonce, value digest and authority key (drill.md §4)."""
    drill_key = Key256(derive(key.secret, DERIVE_DRILL))
    return b64u(mac(drill_key, MAC_DRILL, from_b64u(nonce), from_b64u(value), from_b64u(authority)))


def issue_proof(request: DrillRequest, value: Value, key: BackupKey, *, iat: int, signer: Signer) -> str:
    """Custody's answer with `key` as `open_value` gave it."""
    claims = DrillProof(
        request=request.digest,
        value=value.digest,
        authority=value.authority,
        nonce=request.nonce,
        answer=answer(key, nonce=request.nonce, value=value.digest, authority=value.authority),
        iat=iat,
    )
    return claims.issue(signer)


def read_proof(text: str, trust: Trust) -> DrillProof:
    """A proof signed by custody. What it proves, `check` says."""
    return DrillProof.read_by(text, trust)


def check(proof: DrillProof, request: str, value: str, key: BackupKey, trust: Trust) -> None:
    """Return if `proof` answers this unit's `request` over `value` with `key`; refuse otherwise."""
    asked, _ = read_request(request, trust)
    # 7. The answer to this request, over this value and authority, and no other.
    if (proof.request, proof.value, proof.nonce) != (digest(request), digest(value), asked.nonce):
        raise BindingRefused("nonce", "the answer to another request")
    if asked.value != value:
        raise BindingRefused("document", "the request was about another value")
    authority = value_document.read(value, trust).authority
    if proof.authority != authority:
        raise BindingRefused("authority", "answered with another authority's key")
    # 8. Custody has the key.
    expected = answer(key, nonce=asked.nonce, value=digest(value), authority=authority)
    if not same(expected.encode(), proof.answer.encode()):
        raise CommitmentRefused("another-key", "the value opens to another key than this unit's")
