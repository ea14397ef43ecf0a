"""Transfer: recovered keys, sealed to one unit's device key, for one request, once
(docs/formats/transfer.md).

A voucher in the sense of RFC 8366 with the keys added: custody tells the unit by signature which keys, of
which source, it may take over, under which ticket, until when. `open_transfer` is the only path to the keys,
and it checks every binding against the unit's own request before the seal.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Final

from sealing.backupkey import BackupKey
from sealing.claims import (
    AParty,
    ASource,
    Claims,
    Commitment,
    DocumentDigest,
    Epoch,
    Heads,
    KeyId,
    KeyKind,
    KeyThumbprint,
    Nonce,
    Serial,
    Time,
    UuidText,
    Version,
    listed,
    nested,
    one_of,
)
from sealing.encoding import Digest
from sealing.errors import BindingRefused, Misuse, SealRefused
from sealing.hpke import KemPrivateKey, KemPublicKey
from sealing.jose import KIB, Form, Signer, digest, write
from sealing.labels import SEAL_TRANSFER, TYP_TRANSFER
from sealing.secret import KEY_BYTES, BackupSecret
from sealing.trust import Trust

from .base import AuthorityDocument
from .ticket import KINDS, Ticket
from .transfer_request import TransferRequest

__all__ = ["FORM", "Transfer", "TransferKey", "digest", "issue", "open_transfer", "read"]

FORM: Final = Form(TYP_TRANSFER, 64 * KIB, seal=SEAL_TRANSFER)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TransferTicket(Claims):
    """The ticket and the exact document that was approved."""

    id: UuidText
    attempt: Version
    kind: Annotated[str, one_of(*KINDS)]
    document: DocumentDigest


@dataclasses.dataclass(frozen=True, kw_only=True)
class TransferTarget(Claims):
    """The one unit that can open it, and the request that it answers."""

    serial: Serial
    kem_thumbprint: KeyThumbprint
    request: DocumentDigest
    nonce: Nonce


@dataclasses.dataclass(frozen=True, kw_only=True)
class TransferKey(Claims):
    """One key: what it is and which value it came from.

    The secrets stand in the payload in the same order.
    """

    key_id: KeyId
    epoch: Epoch
    kind: KeyKind
    commitment: Commitment
    value: DocumentDigest


@dataclasses.dataclass(frozen=True, kw_only=True)
class Transfer(AuthorityDocument):
    """What a transfer says in clear."""

    FORM = FORM
    USE = "custody"
    ticket: Annotated[TransferTicket, nested(TransferTicket)]
    target: Annotated[TransferTarget, nested(TransferTarget)]
    source: ASource
    customer: AParty
    appliance: AParty
    keys: Annotated[tuple[TransferKey, ...], listed(nested(TransferKey), 1, 64)]
    heads: Heads
    iat: Time
    exp: Time


def issue(
    ticket: Ticket,
    request: TransferRequest,
    kem: KemPublicKey,
    keys: Sequence[tuple[BackupKey, Digest]],
    *,
    iat: int,
    exp: int,
    signer: Signer,
) -> str:
    """Seal `keys` (each with its value's digest) for `ticket` to the device key of `request`. Both have been
    read.

    Custody's own checks (approvals, values, nonces) come before; this refuses only what would contradict
    itself.
    """
    named = (ticket.target.serial, ticket.target.request, ticket.target.nonce, ticket.target.kem_thumbprint)
    if named != (request.serial, request.digest, request.nonce, kem.thumbprint):
        raise BindingRefused("target", "the ticket names another request or device key")
    if request.kem_thumbprint != kem.thumbprint:
        raise BindingRefused("device", "the request names another device key")
    if {value for _, value in keys} - {value.digest for value in ticket.values}:
        raise BindingRefused("values", "a key of a value that the ticket does not name")
    if len({key.key_id for key, _ in keys}) != len(keys) or not keys:
        raise Misuse("each key once, and at least one")
    claims = Transfer(
        ticket=TransferTicket(id=ticket.id, attempt=ticket.attempt, kind=ticket.kind, document=ticket.digest),
        target=TransferTarget(
            serial=request.serial,
            kem_thumbprint=kem.thumbprint,
            request=request.digest,
            nonce=request.nonce,
        ),
        source=ticket.source,
        customer=ticket.customer,
        appliance=ticket.appliance,
        keys=tuple(
            TransferKey(
                key_id=key.key_id,
                epoch=key.epoch,
                kind=key.kind,
                commitment=key.commitment,
                value=value,
            )
            for key, value in keys
        ),
        heads=ticket.heads,
        iat=iat,
        exp=exp,
    )
    clear = b"".join(key.secret.reveal() for key, _ in keys)
    return write(FORM, claims.to_json(), signer, lambda info: kem.seal(clear, info))


def read(text: str, trust: Trust) -> Transfer:
    """A transfer signed by custody; whether it is for this unit and now, `open_transfer` decides."""
    # 1–6. docs/formats/README.md §4.
    transfer = Transfer.read_by(text, trust)
    # 7. It lives, and names each key once.
    if transfer.exp <= transfer.iat:
        raise BindingRefused("expired", "expires before it was made")
    if len({key.key_id for key in transfer.keys}) != len(transfer.keys):
        raise BindingRefused("keys", "a key stands twice")
    return transfer


def require_for(transfer: Transfer, request: TransferRequest, now: int) -> None:
    """`BindingRefused` unless `transfer` answers this unit's `request` and has not expired."""
    target = transfer.target
    if target.serial != request.serial:
        raise BindingRefused("serial", "a transfer for another unit", wanted=request.serial)
    if target.kem_thumbprint != request.kem_thumbprint:
        raise BindingRefused("device", "sealed to another device key")
    if target.nonce != request.nonce or target.request != request.digest:
        raise BindingRefused("nonce", "the answer to another request")
    if now >= transfer.exp:
        raise BindingRefused("expired", "the transfer has expired", expired=transfer.exp)


def open_transfer(
    transfer: Transfer, request: TransferRequest, private: KemPrivateKey, *, now: int
) -> tuple[BackupKey, ...]:
    """The keys of a transfer that `read` gave, for the unit whose open `request` this is.

    The caller has consumed no nonce yet: it stores keys and consumed nonce in one step afterwards.
    """
    parsed = transfer.read_from
    # 8. For this unit, this request, now (transfer.md §4).
    require_for(transfer, request, now)
    if private.public.thumbprint != transfer.target.kem_thumbprint:
        raise BindingRefused("device", "sealed to another device key")
    # 9. The seal, bound to every byte of the header.
    clear = private.open(parsed.payload, parsed.seal_info)
    if len(clear) != KEY_BYTES * len(transfer.keys):
        raise SealRefused("does-not-open", "wrong key or altered")
    # 10. Each key is the one committed to.
    keys = tuple(
        BackupKey(key.key_id, key.epoch, key.kind, BackupSecret(clear[i * KEY_BYTES : (i + 1) * KEY_BYTES]))
        for i, key in enumerate(transfer.keys)
    )
    for opened, named in zip(keys, transfer.keys, strict=True):
        opened.check_commitment(named.commitment)
    return keys
