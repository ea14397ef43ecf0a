"""Verbs about backup keys: the steps of a rotation and the arrows of a key's life.

Each verb is idempotent or refuses by name, so that a rotation killed anywhere is simply run again.
"""

from __future__ import annotations

from typing import Any

from appliance.keys.errors import (
    DigestDiffers,
    DocumentRefused,
    DrillFailed,
    NoAuthority,
    NotOwned,
    RequestRefused,
    RotationUnderWay,
    ValueNotDurable,
    WaiverRefused,
)
from sealing.backupkey import KINDS, BackupKey, new_key_id
from sealing.documents import drill, receipt, value
from sealing.documents.drill import PURPOSES
from sealing.errors import BindingRefused, ChainRefused, CommitmentRefused
from sealing.jose import digest
from sealing.keyring import KeyRecord, Keyring, KeyState, OpenNonce, Ownership, Proof
from sealing.secret import DataKey

from . import evidence
from .describe import epoch_info
from .holder import Holder
from .unit import is_first_key
from .verbs import Params, verb


def owner_of(ring: Keyring) -> Ownership:
    """Whose unit this is; values and images name them."""
    if ring.ownership is None:
        raise NotOwned(serial=ring.serial)
    return ring.ownership


def backup_key(key: KeyRecord) -> BackupKey:
    """The key itself, for use inside this process."""
    assert key.secret is not None, "callers ask for usable keys"
    return BackupKey(key.key_id, key.epoch, key.kind, key.secret)


def _answer(ring: Keyring, key_id: str) -> dict[str, Any]:
    return {"epoch": epoch_info(ring.key(key_id))}


@verb("generate")
def generate(holder: Holder, params: Params) -> dict[str, Any]:
    """R1. A key already in pre-activation is given again: a crash before R6 leaves it, and it is good."""
    who, why, kind = params.text("who"), params.text("why"), params.text("kind")
    params.end()
    ring = holder.ring
    owner_of(ring)
    if kind not in KINDS:
        raise RequestRefused(parameter="kind", reason="symmetric or hybrid")
    pending = ring.pending
    if pending is not None:
        if pending.kind != kind:
            raise RotationUnderWay(waiting=pending.kind, asked=kind)
        return _answer(ring, pending.key_id)
    at = holder.now()

    def make(epoch: int) -> KeyRecord:
        fresh = BackupKey.generate(epoch, kind)
        return KeyRecord(
            key_id=fresh.key_id,
            epoch=epoch,
            kind=kind,
            origin="generated",
            state=KeyState.PRE_ACTIVATION,
            commitment=fresh.commitment,
            created=at,
            secret=fresh.secret,
            data_key_id=new_key_id(),
        )

    holder.commit(ring.generate(key=make, data_key=DataKey.generate(), who=who, why=why, at=at))
    made = holder.ring.pending
    assert made is not None
    return _answer(holder.ring, made.key_id)


@verb("seal_values")
def seal_values(holder: Holder, params: Params) -> dict[str, Any]:
    """R2. Seal to every active escrow authority of the pinned list, checked under the pinned root now.

    Values sealed before to exactly those authorities are kept: they may be lodged already.
    """
    key_id = params.key_id()
    params.end()
    ring = holder.ring
    owner = owner_of(ring)
    key = ring.usable(key_id)
    if key.state not in (KeyState.PRE_ACTIVATION, KeyState.ACTIVE):
        raise RequestRefused(parameter="key_id", reason="only a key of this unit gets values here")
    trust = holder.trust
    try:
        wanted = {entry.kid for entry in trust.escrow_keys_for_sealing()}
    except ChainRefused as error:
        raise NoAuthority(reason=error.code) from error
    if key.values and {value.read(text, trust).authority for text in key.values} == wanted:
        return {"values": list(key.values)}
    texts = value.issue_all(
        backup_key(key),
        serial=ring.serial,
        customer=owner.customer_id,
        appliance=owner.appliance_id,
        iat=holder.now(),
        trust=trust,
        signer=holder.signer,
    )
    # new values are neither lodged nor proven yet, unless the key is in use: then they stand beside that fact
    fresh = key.state is KeyState.PRE_ACTIVATION
    cleared: dict[str, Any] = {"receipts": (), "downloaded": False, "proof": None} if fresh else {}
    holder.commit(ring.amend(key_id, values=tuple(texts), **cleared))
    return {"values": texts}


@verb("values")
def values(holder: Holder, params: Params) -> dict[str, Any]:
    """The value records of a key. They are identifiers, no secrets."""
    key_id = params.key_id()
    params.end()
    return {"values": list(holder.ring.key(key_id).values)}


@verb("accept_receipt")
def accept_receipt(holder: Holder, params: Params) -> dict[str, Any]:
    """R4. The desk's signature that it holds one of the values."""
    key_id, text = params.key_id(), params.document("receipt")
    params.end()
    ring = holder.ring
    owner = owner_of(ring)
    key = ring.usable(key_id)
    claims = receipt.read(text, holder.trust)
    held = {digest(item) for item in key.values}
    mine = (ring.serial, owner.customer_id, owner.appliance_id)
    if claims.document not in held or (claims.serial, claims.customer, claims.appliance) != mine:
        raise DocumentRefused(reason="binding.document")
    if claims.lodged != "value":
        raise DocumentRefused(reason="binding.lodged")
    trust = holder.trust
    others = [item for item in key.receipts if receipt.read(item, trust).document != claims.document]
    changed = ring.amend(key_id, receipts=(*others, text)).raise_marks(clock=claims.iat)
    holder.commit(changed)
    return _answer(holder.ring, key_id)


@verb("prove_download")
def prove_download(holder: Holder, params: Params) -> dict[str, Any]:
    """R4 by hand. Whoever can say the digest has read the text that was downloaded."""
    key_id, given = params.key_id(), params.text("digest")
    params.end()
    ring = holder.ring
    key = ring.usable(key_id)
    if given not in {digest(item) for item in key.values}:
        raise DigestDiffers(key_id=key_id)
    if not key.downloaded:
        holder.commit(ring.amend(key_id, downloaded=True))
    return _answer(holder.ring, key_id)


@verb("drill_request")
def drill_request(holder: Holder, params: Params) -> dict[str, Any]:
    """R5. Ask for a proof over the first value, with a fresh nonce."""
    key_id, purpose = params.key_id(), params.text("purpose")
    params.end()
    ring = holder.ring
    owner = owner_of(ring)
    key = ring.usable(key_id)
    if purpose not in PURPOSES:
        raise RequestRefused(parameter="purpose", reason="not a purpose of a drill")
    if not key.values:
        raise ValueNotDurable(key_id=key_id)
    at = holder.now()
    text = drill.issue_request(
        key.values[0],
        serial=ring.serial,
        customer=owner.customer_id,
        appliance=owner.appliance_id,
        purpose=purpose,
        iat=at,
        signer=holder.signer,
    )
    asked, _ = drill.read_request(text, holder.trust)
    holder.commit(ring.open_nonce(OpenNonce(asked.nonce, "drill", text, key_id, at)))
    return {"request": text}


@verb("check_drill")
def check_drill(holder: Holder, params: Params) -> dict[str, Any]:
    """R5. Custody's answer against the key itself; the nonce is spent whatever the outcome."""
    text = params.document("proof")
    params.end()
    ring = holder.ring
    trust = holder.trust
    proof = drill.read_proof(text, trust)
    spent, nonce = ring.consume_nonce(proof.nonce, "drill")
    key = ring.usable(nonce.key_id)
    asked, _ = drill.read_request(nonce.request, trust)
    try:
        drill.check(proof, nonce.request, asked.value, backup_key(key), trust)
    except (CommitmentRefused, BindingRefused) as error:
        holder.commit(spent)
        raise DrillFailed(key_id=key.key_id, epoch=key.epoch, reason=error.code) from error
    if asked.value not in key.values:
        # the values were sealed anew meanwhile; a proof over old ones says nothing about these
        holder.commit(spent)
        raise DrillFailed(key_id=key.key_id, epoch=key.epoch, reason="binding.document")
    proven = Proof(how="drilled", at=proof.iat, by=(proof.kid,), detail=proof.digest)
    holder.commit(spent.amend(key.key_id, proof=proven).raise_marks(clock=proof.iat))
    return _answer(holder.ring, key.key_id)


@verb("waive_drill")
def waive_drill(holder: Holder, params: Params) -> dict[str, Any]:
    """R5 without the desk: two admins, or one where no content was ever at stake or must_rotate presses."""
    key_id, admins, why = params.key_id(), params.texts("admins", most=8), params.text("why")
    params.end()
    ring = holder.ring
    key = ring.usable(key_id)
    if key.state is not KeyState.PRE_ACTIVATION:
        raise WaiverRefused(reason="only a key that waits for activation")
    persons = tuple(sorted({name.strip() for name in admins if name.strip()}))
    needed = 1 if is_first_key(ring) or ring.must_rotate else 2
    if len(persons) < needed:
        raise WaiverRefused(needed=needed, given=len(persons))
    if not why.strip():
        raise WaiverRefused(reason="a waiver says why")
    if key.proof is None:
        holder.commit(ring.amend(key_id, proof=Proof("waived", holder.now(), persons, why.strip())))
    return _answer(holder.ring, key_id)


@verb("activate")
def activate(holder: Holder, params: Params) -> dict[str, Any]:
    """R6. The forerunner is deactivated in the same rename."""
    key_id, who, why = params.key_id(), params.text("who"), params.text("why")
    params.end()
    ring = holder.ring
    key = ring.usable(key_id)
    if key.state is KeyState.PRE_ACTIVATION and key.durable and key.proof is not None:
        # the list may have changed since R2: nothing is activated whose values an authority gave up
        trust = holder.trust
        for text in key.values:
            value.read(text, trust)
    holder.commit(ring.activate(key_id, who=who, why=why, at=holder.now()))
    return _answer(holder.ring, key_id)


@verb("set_aside")
def set_aside(holder: Holder, params: Params) -> dict[str, Any]:
    """Give up a key in pre-activation: it sealed nothing, and no kept version holds it any more."""
    return _destroy(holder, params, params.key_id(), only=(KeyState.PRE_ACTIVATION,))


@verb("destroy")
def destroy(holder: Holder, params: Params) -> dict[str, Any]:
    """Zeroise a key that no retained image needs, shown by the signed documents that lie on the targets.

    Which targets there are is the caller's word; what lies on each is checked here (`evidence.judge`).
    """
    documents = params.texts("evidence", most=evidence.MOST)
    key_id = params.key_id()
    if holder.ring.key(key_id).state is not KeyState.DESTROYED:
        evidence.judge(documents, key_id=key_id, own=holder.thumbprint, trust=holder.trust)
    return _destroy(holder, params, key_id, only=(KeyState.DEACTIVATED, KeyState.COMPROMISED))


def _destroy(holder: Holder, params: Params, key_id: str, *, only: tuple[KeyState, ...]) -> dict[str, Any]:
    who, why = params.text("who"), params.text("why")
    params.end()
    ring = holder.ring
    key = ring.key(key_id)
    if key.state is not KeyState.DESTROYED:
        if key.state not in only:
            raise RequestRefused(parameter="key_id", reason=f"the key is {key.state.value}")
        holder.commit(ring.move(key_id, KeyState.DESTROYED, who=who, why=why, at=holder.now()))
    holder.forget_older_versions()
    return _answer(holder.ring, key_id)


@verb("compromise")
def compromise(holder: Holder, params: Params) -> dict[str, Any]:
    """Doubt about a key. It opens what it must, flagged; nothing is sealed before a rotation."""
    key_id, who, why = params.key_id(), params.text("who"), params.text("why")
    params.end()
    ring = holder.ring
    if ring.key(key_id).state is not KeyState.COMPROMISED:
        holder.commit(ring.move(key_id, KeyState.COMPROMISED, who=who, why=why, at=holder.now()))
    return _answer(holder.ring, key_id)
