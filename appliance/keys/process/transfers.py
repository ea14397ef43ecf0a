"""Verbs that bring keys from custody onto this unit: the request, the installation, its receipt."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from appliance.keys.errors import AlreadyOwned, Expired, NotAskedFor, OtherUnit, Replayed
from sealing.backupkey import BackupKey
from sealing.documents import installation, transfer, transfer_request
from sealing.documents.transfer import Transfer
from sealing.encoding import canonical_json, from_canonical_json
from sealing.errors import BindingRefused
from sealing.keyring import Installation, KeyRecord, Keyring, KeyState, OpenNonce, Ownership

from .holder import Holder
from .verbs import Params, verb

# How a unit ended that makes its keys doubtful; "how an imported key is born when its unit ended so".
DOUBTFUL_ENDS: Final = frozenset({"tampered", "stolen"})


@verb("transfer_request")
def request(holder: Holder, params: Params) -> dict[str, Any]:
    """Ask to receive keys. The nonce is remembered; the newest few requests stay answerable."""
    params.end()
    ring = holder.ring
    at = holder.now()
    text = transfer_request.issue(
        serial=ring.serial, kem_thumbprint=holder.kem.public.thumbprint, iat=at, signer=holder.signer
    )
    nonce = transfer_request.read(text, holder.trust).nonce
    holder.commit(ring.open_nonce(OpenNonce(nonce, "transfer", text, "", at)))
    return {"request": text}


@verb("install_transfer")
def install(holder: Holder, params: Params) -> dict[str, Any]:
    """Check everything; then keys, owner and consumed nonce become durable in one rename."""
    text, who = params.document("transfer"), params.text("who")
    params.end()
    ring = holder.ring
    trust = holder.trust
    # 1. Signed by custody under the pinned list.
    read = transfer.read(text, trust)
    # 2. Made for this unit at all, and used once at most.
    if read.target.serial != ring.serial:
        raise OtherUnit(wanted=ring.serial, found=read.target.serial)
    if read.target.nonce in ring.consumed:
        raise Replayed(ticket=read.ticket.id)
    # 3. The answer to a request of this unit, in time, opening with the device key.
    keys = _opened(holder, read)
    # 4. It hands over to no second owner.
    owner = _owner(ring, read, text)
    # 5. One step: the nonce is consumed by the rename that stores the keys.
    at = holder.now()
    spent, _ = ring.consume_nonce(read.target.nonce, "transfer")
    done = Installation(
        transfer=read.digest,
        ticket=read.ticket.id,
        nonce=read.target.nonce,
        at=at,
        facts=canonical_json({"transfer": text, "claims": read.to_json()}).decode(),
    )
    state = KeyState.COMPROMISED if read.source.ended in DOUBTFUL_ENDS else KeyState.DEACTIVATED
    records = tuple(_record(key, state, read, at) for key in keys)
    imported = spent.import_keys(
        records, who=who, why=f"transfer of ticket {read.ticket.id}, unit {read.source.ended}", at=at
    )
    changed = replace(imported, ownership=owner, installations=(*ring.installations, done))
    holder.commit(changed.raise_marks(clock=read.iat))
    return _installed(holder, done)


@verb("installation")
def newest(holder: Holder, params: Params) -> dict[str, Any]:
    """The newest installation; its receipt says the same each time it is written."""
    params.end()
    done = holder.ring.installations
    return {"installed": _installed(holder, done[-1]) if done else None}


def _opened(holder: Holder, read: Transfer) -> tuple[BackupKey, ...]:
    ring, trust = holder.ring, holder.trust
    asked = next((n for n in ring.open_nonces if n.use == "transfer" and n.nonce == read.target.nonce), None)
    if asked is None:
        raise NotAskedFor(ticket=read.ticket.id)
    wanted = transfer_request.read(asked.request, trust)
    try:
        return transfer.open_transfer(read, wanted, holder.kem, now=holder.now_for_expiry())
    except BindingRefused as error:
        if error.reason == "expired":
            raise Expired(ticket=read.ticket.id, expired=read.exp) from error
        raise NotAskedFor(ticket=read.ticket.id, reason=error.code) from error


def _owner(ring: Keyring, read: Transfer, text: str) -> Ownership:
    known = ring.ownership
    if known is not None:
        if (known.customer_id, known.appliance_id) != (read.customer.id, read.appliance.id):
            raise AlreadyOwned(customer=known.customer_name)
        return known
    return Ownership(
        customer_id=read.customer.id,
        customer_name=read.customer.name,
        appliance_id=read.appliance.id,
        appliance_name=read.appliance.name,
        document=text,
    )


def _record(key: BackupKey, state: KeyState, read: Transfer, at: int) -> KeyRecord:
    return KeyRecord(
        key_id=key.key_id,
        epoch=key.epoch,
        kind="hybrid" if key.kind == "hybrid" else "symmetric",
        origin="imported",
        state=state,
        commitment=key.commitment,
        created=at,
        secret=key.secret,
        data_key_id="",
        source=read.source.serial,
    )


def _installed(holder: Holder, done: Installation) -> dict[str, Any]:
    facts = from_canonical_json(done.facts.encode())
    read = transfer.read(facts["transfer"], holder.trust)
    return {
        "receipt": installation.issue(read, iat=done.at, signer=holder.signer),
        "key_ids": [key.key_id for key in read.keys],
        "facts": {**facts["claims"], "digest": done.transfer},
    }
