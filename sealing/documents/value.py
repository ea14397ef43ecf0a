"""Escrow value: a backup key sealed to one escrow authority, signed by its unit (docs/formats/value.md).

An identifier, not a credential: it stands in every image header. Two authorities mean two values; either
alone opens. `open_value` is the one path to the key, for a recovery and for a drill alike.
"""

from __future__ import annotations

import dataclasses
from typing import Final, Protocol

from sealing.backupkey import BackupKey
from sealing.claims import Commitment, Epoch, KeyId, KeyKind, KeyThumbprint, Serial, Suite, Time, UuidText
from sealing.errors import BindingRefused, HeaderRefused, SealRefused
from sealing.hpke import SUITE_HYBRID, KemPrivateKey
from sealing.jose import KIB, Form, Signer, digest, seal_info, write
from sealing.labels import SEAL_VALUE, TYP_VALUE
from sealing.oaep import SUITE_OAEP, OaepPrivateKey
from sealing.secret import KEY_BYTES, BackupSecret
from sealing.trust import Trust

from .base import UnitDocument

__all__ = ["FORM", "Value", "digest", "issue", "issue_all", "open_value", "read"]

FORM: Final = Form(TYP_VALUE, 16 * KIB, chained=True, seal=SEAL_VALUE)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Value(UnitDocument):
    """What a value says in clear."""

    FORM = FORM
    serial: Serial
    customer: UuidText
    appliance: UuidText
    key_id: KeyId
    epoch: Epoch
    kind: KeyKind
    commitment: Commitment
    authority: KeyThumbprint
    suite: Suite
    iat: Time

    def require_owner(self, customer: str, appliance: str | None = None) -> None:
        """`BindingRefused` unless the value names this customer (and appliance) since its sealing."""
        if self.customer != customer:
            raise BindingRefused("customer", "the value names another customer")
        if appliance is not None and self.appliance != appliance:
            raise BindingRefused("appliance", "the value names another appliance")


class EscrowPrivateKey(Protocol):
    """Whatever opens values: a key in memory or a hardware module."""

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """The 32 bytes, or `SealRefused`."""
        ...


def issue(
    key: BackupKey,
    *,
    authority: str,
    serial: str,
    customer: str,
    appliance: str,
    iat: int,
    trust: Trust,
    signer: Signer,
) -> str:
    """Seal `key` to the escrow key named `authority`, which the list in `trust` must have as active."""
    entry = trust.escrow_key(authority)
    public = trust.sealing_key(authority)
    claims = Value(
        serial=serial,
        customer=customer,
        appliance=appliance,
        key_id=key.key_id,
        epoch=key.epoch,
        kind=key.kind,
        commitment=key.commitment,
        authority=entry.kid,
        suite=entry.suite,
        iat=iat,
    )
    return write(FORM, claims.to_json(), signer, lambda info: public.seal(key.secret, info))


def issue_all(
    key: BackupKey, *, serial: str, customer: str, appliance: str, iat: int, trust: Trust, signer: Signer
) -> list[str]:
    """One value for each active escrow key of the list."""
    return [
        issue(
            key,
            authority=entry.kid,
            serial=serial,
            customer=customer,
            appliance=appliance,
            iat=iat,
            trust=trust,
            signer=signer,
        )
        for entry in trust.escrow_keys_for_sealing()
    ]


def read(text: str, trust: Trust) -> Value:
    """A genuine value: signed by the unit it names, sealed to a known authority in that authority's suite."""
    # 1–7. docs/formats/README.md §4.
    value = Value.read_by(text, trust)
    # 8. The suite follows from the authority list; the header must agree (value.md §3).
    entry = trust.escrow_key(value.authority)
    if value.suite != entry.suite:
        raise HeaderRefused("suite", "another suite than the authority's key has", wanted=entry.suite)
    return value


def open_value(value: Value, private: EscrowPrivateKey, trust: Trust) -> BackupKey:
    """The key in a value that `read` gave. Wrong key, damage and wrong suite are one `SealRefused`."""
    parsed = value.read_from
    # 9. The private key is of the suite that the list names for it: only the diagonal opens (value.md §3).
    suite = trust.escrow_key(value.authority).suite
    if (suite == SUITE_HYBRID and isinstance(private, OaepPrivateKey)) or (
        suite == SUITE_OAEP and isinstance(private, KemPrivateKey)
    ):
        raise SealRefused("does-not-open", "wrong key or altered")
    # 10. The seal, bound to every byte of the header.
    clear = private.open(parsed.payload, seal_info(FORM, parsed.protected))
    if len(clear) != KEY_BYTES:
        raise SealRefused("does-not-open", "wrong key or altered")
    # 11. The commitment: a key that the unit did not commit to is worth nothing (backup-key.md §2).
    key = BackupKey(value.key_id, value.epoch, value.kind, BackupSecret(clear))
    key.check_commitment(value.commitment)
    return key
