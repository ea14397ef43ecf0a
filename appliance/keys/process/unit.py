"""Verbs about the unit itself: status, factory initialisation, enrolment, the authority list."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from appliance.keys.errors import (
    AlreadyInitialised,
    AlreadyOwned,
    AuthorityListOlder,
    AuthorityListRefused,
    DocumentRefused,
    OtherUnit,
    RequestRefused,
)
from sealing.documents import device_record, enrolment, possession
from sealing.ecdsa import SigningKey
from sealing.encoding import b64u, from_b64u
from sealing.errors import BindingRefused, Misuse, Refused
from sealing.hpke import KemPrivateKey
from sealing.identity import make_request
from sealing.jose import KeySigner
from sealing.keyring import Keyring, Marks, Ownership, Pins, StoreRoot
from sealing.secret import KemSeed
from sealing.trust import Trust

from .describe import epoch_info, transition_info
from .holder import Holder
from .verbs import Params, verb


@verb("status")
def status(holder: Holder, params: Params) -> dict[str, Any]:
    """What is to be known of unit and keys. Answers in every state."""
    params.end()
    state = holder.state
    about: dict[str, Any] = {"state": state, "vault_class": "software"}
    if state == "begun":
        return about | holder.identity_metadata()
    if state != "ready":
        return about
    ring = holder.ring
    owner = ring.ownership
    return about | {
        "serial": ring.serial,
        "model": ring.pins.model,
        "certificate_thumbprint": holder.thumbprint,
        "device_record": ring.pins.device_record,
        "customer": None if owner is None else {"id": owner.customer_id, "name": owner.customer_name},
        "appliance": None if owner is None else {"id": owner.appliance_id, "name": owner.appliance_name},
        "keyring_version": ring.version,
        "must_rotate": ring.must_rotate,
        "first_key": is_first_key(ring),
        "root": ring.pins.root,
        "authority_list": ring.authority_list,
        "authority_list_version": ring.marks.authority_list,
        "spool_public_key": b64u(KemPrivateKey(ring.spool).public.raw),
        "epochs": [epoch_info(key) for key in ring.keys],
        "transitions": [transition_info(item) for item in ring.transitions],
    }


def is_first_key(ring: Keyring) -> bool:
    """No key was ever active on this unit."""
    return not any(item.new == "active" for item in ring.transitions)


@verb("factory_begin")
def factory_begin(holder: Holder, params: Params) -> dict[str, Any]:
    """Make identity and device key, once, and the request that the device authority signs."""
    serial, model = params.text("serial"), params.text("model")
    params.end()
    if holder.state == "ready":
        raise AlreadyInitialised(serial=holder.ring.serial)
    if holder.state == "empty" or holder.identity_metadata() != {"serial": serial, "model": model}:
        # nothing was signed for the former keys that anybody believes: the bundle never arrived here
        identity, kem = SigningKey.generate(), KemPrivateKey.generate()
        try:
            make_request(identity, serial)
        except Misuse as error:
            raise RequestRefused(parameter="serial", reason="not a serial number") from error
        holder.create_identity(identity, kem, serial=serial, model=model)
    csr = make_request(holder.identity, serial)
    try:
        proof = possession.issue(
            serial=serial,
            model=model,
            request=csr,
            kem=holder.kem.public,
            vault=holder.vault.class_name,
            iat=holder.now(),
            signer=KeySigner(holder.identity),
        )
    except Misuse as error:
        raise RequestRefused(parameter="model", reason=str(error)[:200]) from error
    return {
        "serial": serial,
        "model": model,
        "csr": b64u(csr),
        "kem_public_key": b64u(holder.kem.public.raw),
        "proof": proof,
    }


@verb("factory_finish")
def factory_finish(holder: Holder, params: Params) -> dict[str, Any]:
    """Check the bundle whole, then pin it with the first keyring: one rename."""
    bundle = Params(params.mapping("bundle"))
    params.end()
    serial, model = bundle.text("serial"), bundle.text("model")
    chain, root = bundle.texts("chain", most=4), bundle.text("root", most=8192)
    record_text, list_text = bundle.document("device_record"), bundle.document("authority_list")
    bundle.end()
    if holder.state == "ready":
        pinned = holder.ring.pins
        if (pinned.root, list(pinned.chain), pinned.device_record) == (root, chain, record_text):
            return status(holder, Params({}))  # the same bundle again, after a crash
        raise AlreadyInitialised(serial=holder.ring.serial)
    begun = holder.identity_metadata()
    # 1. The root is what the bundle says; from here on everything is believed only below it.
    trust = Trust(from_b64u(root), list_text)
    # 2. The certificate is this unit's: its chain ends at the root, its key is the one made here.
    certificate = trust.unit(tuple(from_b64u(der) for der in chain))
    if certificate.key != holder.identity.public or (certificate.serial, serial) != (
        begun["serial"],
        begun["serial"],
    ):
        raise OtherUnit(wanted=begun["serial"], found=certificate.serial)
    # 3. The device record vouches for the device key made here.
    record = device_record.read(record_text, trust)
    if (record.serial, record.certificate) != (certificate.serial, certificate.thumbprint):
        raise OtherUnit(wanted=begun["serial"], found=record.serial)
    if record.kem_thumbprint != holder.kem.public.thumbprint:
        raise DocumentRefused(reason="device-record.kem-key")
    if (record.model, model) != (begun["model"], begun["model"]):
        raise DocumentRefused(reason="device-record.model")
    holder.create_ring(
        Keyring(
            version=1,
            serial=certificate.serial,
            pins=Pins(model=record.model, root=root, chain=tuple(chain), device_record=record_text),
            spool=KemSeed.generate(),
            store=StoreRoot.generate(),
            marks=Marks(
                clock=max(trust.authorities.iat, record.iat), authority_list=trust.authorities.version
            ),
            authority_list=list_text,
        )
    )
    return status(holder, Params({}))


@verb("enrol")
def enrol(holder: Holder, params: Params) -> dict[str, Any]:
    """First installation: whose unit this is, by the front desk's word."""
    text = params.document("enrolment")
    params.end()
    ring = holder.ring
    claims = enrolment.read(text, holder.trust)
    try:
        claims.require_unit(holder.certificate)
    except BindingRefused as error:
        raise OtherUnit(wanted=ring.serial, found=claims.serial) from error
    owner = Ownership(
        customer_id=claims.customer.id,
        customer_name=claims.customer.name,
        appliance_id=claims.appliance.id,
        appliance_name=claims.appliance.name,
        document=text,
    )
    known = ring.ownership
    if known is not None and (known.customer_id, known.appliance_id) != (
        owner.customer_id,
        owner.appliance_id,
    ):
        raise AlreadyOwned(customer=known.customer_name)
    if known is None:
        holder.commit(replace(ring, ownership=owner).raise_marks(clock=claims.iat))
    return status(holder, Params({}))


@verb("take_authority_list")
def take_authority_list(holder: Holder, params: Params) -> dict[str, Any]:
    """Pin a newer list that holds under the pinned root. An older one is never taken."""
    text = params.document("list")
    params.end()
    ring = holder.ring
    trust = holder.trust
    try:
        taken = trust.take_authority_list(text)
        # a list that no longer knows this unit's own device authority would make it a stranger to itself
        trust.unit(holder.chain)
    except BindingRefused as error:
        raise AuthorityListOlder(reason=error.code, **error.facts) from error
    except Refused as error:
        raise AuthorityListRefused(reason=error.code, **error.facts) from error
    if taken.version != ring.marks.authority_list:
        holder.commit(
            replace(ring, authority_list=text).raise_marks(clock=taken.iat, authority_list=taken.version)
        )
    return {"version": taken.version}
