"""Faults of binding, seal and commitment along the journey: value, receipt, drill, request, units."""

from __future__ import annotations

import hashlib
from typing import Any

from sealing.backupkey import BackupKey
from sealing.documents import drill, value
from sealing.encoding import b64u, from_b64u
from sealing.hpke import KemPrivateKey
from sealing.labels import SEAL_TRANSFER, SEAL_VALUE
from sealing.secret import DataKey
from tests.sealing.world import CUSTOMER, NOW
from tests.vectors import forge
from tests.vectors.forge import Collector, canonical, header_of
from tests.vectors.scene import OTHER_CUSTOMER, Scene


def add_all(to: Collector, scene: Scene) -> None:
    """Every vector of this module."""
    add_value(to, scene)
    add_oaep(to, scene)
    add_receipt(to, scene)
    add_drill(to, scene)
    add_request(to, scene)
    add_units(to, scene)
    add_wrapped(to, scene)


def add_value(to: Collector, scene: Scene) -> None:
    text, signer = scene.value, scene.source.signer
    secret = scene.key.secret.reveal()

    def sealed(
        name: str, fault: str, expect: str, clear: bytes = secret, label: bytes = SEAL_VALUE, **how: Any
    ) -> None:
        changed = forge.resealed(text, signer, lambda i: scene.escrow.public.seal(clear, i), label, **how)
        to.add(name, fault, "open value", expect, text=changed)

    to.add(
        "value-of-another-unit",
        "the serial of a unit that did not sign",
        "read value",
        "binding.serial",
        text=forge.with_header(text, signer, serial="78-D0413"),
    )
    to.add(
        "value-of-another-customer",
        "B's ticket, A's value",
        "owner of value",
        "binding.customer",
        text=text,
        customer=OTHER_CUSTOMER,
    )
    to.add(
        "value-of-another-appliance",
        "same customer",
        "owner of value",
        "binding.appliance",
        text=text,
        appliance=OTHER_CUSTOMER,
    )
    sealed(
        "seal-of-a-transfer",
        "info begins with the transfer's label",
        "seal.does-not-open",
        label=SEAL_TRANSFER,
    )
    other = canonical({**header_of(text), "epoch": 2})
    sealed(
        "seal-over-another-header",
        "info holds another epoch than the header",
        "seal.does-not-open",
        info_header=other,
    )
    stranger = KemPrivateKey.generate()
    changed = forge.resealed(text, signer, lambda i: stranger.public.seal(secret, i), SEAL_VALUE)
    to.add(
        "sealed-to-another-key",
        "the authority is named, a stranger's key was used",
        "open value",
        "seal.does-not-open",
        text=changed,
    )
    for name, fault, change in [
        ("seal-tag-altered", "one bit of the tag", lambda p: forge.flipped(p)),
        ("seal-ciphertext-altered", "one bit of the sealed key", lambda p: forge.flipped(p, -20)),
        ("seal-kem-altered", "one bit of the ML-KEM ciphertext", lambda p: forge.flipped(p, 0)),
        ("seal-point-altered", "one bit of the X25519 share", lambda p: forge.flipped(p, 1100)),
        ("seal-point-zero", "an X25519 share of low order", lambda p: p[:1088] + bytes(32) + p[1120:]),
        ("seal-cut-short", "the last byte missing", lambda p: p[:-1]),
        ("seal-cut-to-nothing", "shorter than the KEM's part", lambda p: p[:100]),
        ("seal-then-more", "a byte after the tag", lambda p: p + b"\0"),
    ]:
        to.add(
            name, fault, "open value", "seal.does-not-open", text=forge.with_raw_payload(text, signer, change)
        )
    sealed("sealed-key-too-short", "31 bytes inside", "seal.does-not-open", secret[:31])
    sealed("sealed-key-too-long", "33 bytes inside", "seal.does-not-open", secret + b"\0")
    sealed(
        "value-of-a-forged-key",
        "a key that the attacker knows, under the true commitment",
        "commitment.another-key",
        bytes(32),
    )
    sealed(
        "commitment-to-another-key",
        "the true key, another commitment",
        "commitment.another-key",
        commitment=scene.hybrid_key.commitment,
    )
    sealed(
        "commitment-of-another-epoch",
        "epoch raised, sealed and signed anew",
        "commitment.another-key",
        epoch=4,
    )
    sealed("commitment-of-another-key-id", "key id exchanged", "commitment.another-key", key_id="e" * 32)
    sealed(
        "commitment-of-another-kind",
        "the symmetric key passed as a seed",
        "commitment.another-key",
        kind="hybrid",
    )
    hybrid = forge.resealed(
        scene.hybrid_value, signer, lambda i: scene.escrow.public.seal(secret, i), SEAL_VALUE
    )
    to.add(
        "seed-exchanged",
        "another seed in a hybrid key's value",
        "open value",
        "commitment.another-key",
        text=hybrid,
    )


def add_oaep(to: Collector, scene: Scene) -> None:
    text, signer = scene.oaep_value, scene.source.signer
    secret, public = scene.key.secret.reveal(), scene.oaep.public

    def opened(name: str, fault: str, expect: str, changed: str) -> None:
        to.add(name, fault, "open value by RSA-OAEP", expect, text=changed)

    opened("hybrid-value-for-rsa", "only the diagonal opens", "seal.does-not-open", scene.value)
    to.add("rsa-value-for-hybrid", "only the diagonal opens", "open value", "seal.does-not-open", text=text)
    other = canonical({**header_of(text), "epoch": 2})
    opened(
        "rsa-seal-over-another-header",
        "the digest inside is another header's",
        "seal.does-not-open",
        forge.resealed(text, signer, lambda i: public.seal(secret, i), SEAL_VALUE, info_header=other),
    )
    opened(
        "rsa-seal-without-digest",
        "the key alone inside",
        "seal.does-not-open",
        forge.with_raw_payload(text, signer, lambda _: _oaep(scene, secret)),
    )
    digest = hashlib.sha384(SEAL_VALUE + b"\0" + text.split(".")[0].encode()).digest()
    opened(
        "rsa-sealed-key-too-short",
        "31 bytes and the digest inside",
        "seal.does-not-open",
        forge.with_raw_payload(text, signer, lambda _: _oaep(scene, secret[:31] + digest)),
    )
    opened(
        "rsa-seal-altered",
        "one bit",
        "seal.does-not-open",
        forge.with_raw_payload(text, signer, forge.flipped),
    )
    opened(
        "rsa-seal-cut-short",
        "a byte missing",
        "seal.does-not-open",
        forge.with_raw_payload(text, signer, lambda p: p[:-1]),
    )
    opened(
        "rsa-value-of-a-forged-key",
        "another key under the true commitment",
        "commitment.another-key",
        forge.resealed(text, signer, lambda i: public.seal(bytes(32), i), SEAL_VALUE),
    )
    opened(
        "rsa-value-named-hybrid",
        "the suite of the other authority",
        "header.suite",
        forge.with_header(text, signer, suite="mlkem768x25519-shake256-aes256gcm"),
    )


def _oaep(scene: Scene, clear: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    public = serialization.load_der_public_key(scene.oaep.public.raw)
    assert isinstance(public, rsa.RSAPublicKey)
    return public.encrypt(clear, padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None))


def add_receipt(to: Collector, scene: Scene) -> None:
    text = scene.receipt
    to.add(
        "receipt-for-another-value",
        "of another document",
        "receipt for value",
        "binding.document",
        text=text,
        value=scene.hybrid_value,
    )
    by_custody = forge.with_header(text, scene.custody_signer, kid=scene.custody_signer.kid)
    to.add(
        "receipt-by-custody",
        "a key listed for another use",
        "read receipt",
        "chain.unknown-key",
        text=by_custody,
    )
    by_stranger = forge.with_header(text, scene.people[0].signer, kid=scene.people[0].signer.kid)
    to.add(
        "receipt-by-a-person",
        "a key that the list does not have",
        "read receipt",
        "chain.unknown-key",
        text=by_stranger,
    )
    stolen = forge.with_header(text, scene.people[0].signer)
    to.add(
        "receipt-signed-by-a-person",
        "named for the front desk",
        "read receipt",
        "signature.does-not-fit",
        text=stolen,
    )
    early = forge.with_claims(text, scene.desk_signer, iat=NOW - 1001)
    to.add("receipt-older-than-its-key", "a second too early", "read receipt", "chain.not-yet", text=early)
    revoked = scene.make_authorities(2, front_desk="revoked")
    to.add(
        "receipt-by-revoked-desk",
        "the key was revoked",
        "read receipt",
        "chain.revoked",
        text=text,
        authority_list=revoked,
    )
    altered = forge.with_claims(text, scene.desk_signer, lodged="transfer")
    to.add(
        "receipt-for-nothing-lodged",
        "another kind of document",
        "read receipt",
        "encoding.member",
        text=altered,
    )
    spaced = forge.with_raw_payload(text, scene.desk_signer, lambda p: p.replace(b'":', b'": ', 1))
    to.add(
        "receipt-claims-with-spaces",
        "payload not canonical",
        "read receipt",
        "encoding.json-not-canonical",
        text=spaced,
    )
    twice = forge.with_raw_payload(text, scene.desk_signer, lambda p: b'{"appliance":"",' + p[1:])
    to.add(
        "receipt-claims-twice",
        "a claim stands twice",
        "read receipt",
        "encoding.duplicate-member",
        text=twice,
    )


def add_drill(to: Collector, scene: Scene) -> None:
    proof, custody = scene.drill_proof, scene.custody_signer

    def answered(name: str, fault: str, expect: str, **claims: Any) -> None:
        to.add(name, fault, "check drill", expect, text=forge.with_claims(proof, custody, **claims))

    again = drill.issue_request(
        scene.value,
        serial=scene.source.serial,
        customer=CUSTOMER.id,
        appliance=header_of(scene.value)["appliance"],
        purpose="manual",
        iat=NOW,
        signer=scene.source.signer,
    )
    to.add(
        "proof-of-an-earlier-drill",
        "replayed for a new request",
        "check drill",
        "binding.nonce",
        text=proof,
        drill_request=again,
    )
    answered("proof-with-another-nonce", "nonce exchanged", "binding.nonce", nonce=b64u(bytes(32)))
    answered(
        "proof-over-another-value", "value exchanged", "binding.nonce", value=value.digest(scene.hybrid_value)
    )
    answered(
        "proof-by-another-authority",
        "authority exchanged",
        "binding.authority",
        authority=scene.oaep.public.thumbprint,
    )
    wrong = drill.answer(
        BackupKey(scene.key.key_id, 3, "symmetric", scene.hybrid_key.secret),
        nonce=forge.claims_of(proof)["nonce"],
        value=value.digest(scene.value),
        authority=scene.escrow.public.thumbprint,
    )
    answered(
        "proof-with-another-key",
        "the MAC of a key that the unit does not have",
        "commitment.another-key",
        answer=wrong,
    )
    answered("proof-too-short", "16 bytes of MAC", "encoding.member", answer=b64u(bytes(16)))
    by_desk = forge.with_header(proof, scene.desk_signer, kid=scene.desk_signer.kid)
    to.add(
        "proof-by-front-desk",
        "signed by the desk's other key",
        "read drill proof",
        "chain.unknown-key",
        text=by_desk,
    )
    request = scene.drill_request
    signer = scene.source.signer
    foreign = forge.with_claims(request, signer, customer=OTHER_CUSTOMER)
    to.add(
        "drill-for-another-customer",
        "the value names its own",
        "read drill request",
        "binding.customer",
        text=foreign,
    )
    inside = forge.replace_part(scene.value, 1, b64u(forge.flipped(forge.payload_of(scene.value))))
    broken = forge.with_claims(request, signer, value=inside)
    to.add(
        "drill-of-an-altered-value",
        "the value inside is damaged",
        "read drill request",
        "signature.does-not-fit",
        text=broken,
    )
    purpose = forge.with_claims(request, signer, purpose="curiosity")
    to.add(
        "drill-without-purpose",
        "no purpose of the list",
        "read drill request",
        "encoding.member",
        text=purpose,
    )


def add_request(to: Collector, scene: Scene) -> None:
    signer = scene.target.signer
    other = forge.with_claims(scene.request, signer, serial="78-E0101")
    to.add(
        "request-for-another-unit",
        "a serial that did not sign",
        "read transfer request",
        "binding.serial",
        text=other,
    )
    key = forge.with_claims(scene.request, signer, kem_thumbprint=scene.source.kem.public.thumbprint)
    to.add(
        "request-for-another-device-key",
        "a key that the record does not name",
        "device of request",
        "binding.device",
        text=key,
    )
    to.add(
        "request-with-another-units-record",
        "the source's device record",
        "device of request",
        "binding.device",
        text=scene.request,
        device_record=scene.source.record,
    )
    nonce = forge.with_claims(scene.request, signer, nonce=b64u(bytes(16)))
    to.add("request-with-short-nonce", "16 bytes", "read transfer request", "encoding.member", text=nonce)
    record = scene.target.record
    thumb = forge.with_claims(record, scene.device_signer, kem_thumbprint=scene.source.kem.public.thumbprint)
    to.add(
        "record-of-another-key",
        "key and thumbprint differ",
        "read device record",
        "chain.kem-key",
        text=thumb,
    )
    low = from_b64u(forge.claims_of(record)["kem_public_key"])[:1184] + bytes(32)
    weak = forge.with_claims(
        record,
        scene.device_signer,
        kem_public_key=b64u(low),
        kem_thumbprint=b64u(hashlib.sha256(low).digest()),
    )
    to.add(
        "record-of-a-low-order-key",
        "an X25519 key of low order",
        "read device record",
        "chain.kem-key",
        text=weak,
    )
    large = b"\xff" * 1184 + low[1184:]
    bad = forge.with_claims(
        record,
        scene.device_signer,
        kem_public_key=b64u(large),
        kem_thumbprint=b64u(hashlib.sha256(large).digest()),
    )
    to.add(
        "record-of-a-key-beyond-the-modulus",
        "ML-KEM coefficients of 4095",
        "read device record",
        "chain.kem-key",
        text=bad,
    )
    chain = header_of(scene.value)["x5c"]
    own = forge.with_header(record, scene.source.signer, x5c=chain[:1], kid=scene.source.signer.kid)
    to.add(
        "record-signed-by-a-unit",
        "a unit vouches for itself",
        "read device record",
        "chain.profile",
        text=own,
    )
    vault = forge.with_claims(record, scene.device_signer, vault="cloud")
    to.add(
        "record-of-unknown-vault",
        "a class that approvers do not know",
        "read device record",
        "encoding.member",
        text=vault,
    )


def add_units(to: Collector, scene: Scene) -> None:
    signer = scene.target.signer
    again = scene.make_transfer([scene.key], [scene.value], scene.request)
    to.add(
        "installation-of-another-transfer",
        "the receipt names another",
        "installation of transfer",
        "binding.document",
        text=scene.installation,
        transfer=again,
    )
    fewer = forge.with_claims(scene.installation, signer, keys=[scene.key.key_id])
    to.add(
        "installation-of-fewer-keys",
        "one of two keys",
        "installation of transfer",
        "binding.document",
        text=fewer,
    )
    attempt = forge.with_claims(scene.installation, signer, attempt=2)
    to.add(
        "installation-of-another-attempt",
        "attempt 2",
        "installation of transfer",
        "binding.document",
        text=attempt,
    )
    foreign = forge.with_header(
        scene.installation,
        scene.source.signer,
        x5c=header_of(scene.value)["x5c"],
        kid=scene.source.signer.kid,
    )
    to.add(
        "installation-by-another-unit",
        "signed by the source",
        "read installation",
        "binding.serial",
        text=foreign,
    )
    head = forge.with_claims(scene.head, scene.source.signer, serial=scene.target.serial)
    to.add("head-of-another-unit", "a serial that did not sign", "read head", "binding.serial", text=head)
    back = forge.with_claims(scene.head, scene.source.signer, sequence=-1)
    to.add("head-of-negative-sequence", "-1", "read head", "encoding.member", text=back)
    report = forge.with_claims(scene.report, signer, serial=scene.source.serial)
    to.add(
        "report-of-another-unit", "a serial that did not sign", "read report", "binding.serial", text=report
    )
    enrolled = forge.with_claims(scene.enrolment, scene.desk_signer, serial=scene.target.serial)
    to.add("enrolment-of-another-unit", "another serial", "enrol", "binding.serial", text=enrolled)


def add_wrapped(to: Collector, scene: Scene) -> None:
    def wrapped(name: str, fault: str, expect: str, text: str, **given: Any) -> None:
        to.add(name, fault, "unwrap data key", expect, text=text, **given)

    data_key = DataKey.generate()
    other = BackupKey(scene.key.key_id, 3, "symmetric", scene.hybrid_key.secret)
    hybrid = scene.world()["hybrid_key"]
    wrapped(
        "data-key-of-another-backup-key",
        "wrapped under another key",
        "commitment.another-key",
        other.wrap_data_key("d" * 32, data_key),
    )
    wrapped(
        "data-key-by-another-name",
        "wrapped under another id",
        "seal.does-not-open",
        scene.key.wrap_data_key("c" * 32, data_key),
    )
    altered = b64u(forge.flipped(from_b64u(scene.wrapped)))
    wrapped("data-key-altered", "one bit", "seal.does-not-open", altered)
    wrapped("data-key-cut-short", "64 bytes", "seal.does-not-open", scene.wrapped[:64])
    raised = {**scene.world()["key"], "epoch": 4}
    wrapped("data-key-of-another-epoch", "read as epoch 4's", "seal.does-not-open", scene.wrapped, key=raised)
    changed = b64u(forge.flipped(from_b64u(scene.hybrid_wrapped)))
    wrapped("data-key-in-pair-altered", "one bit", "seal.does-not-open", changed, key=hybrid)
    id_key = scene.hybrid_key.wrap_id_key("d" * 32, scene.make_id_key())
    wrapped(
        "id-key-passed-for-data-key",
        "wrapped for the other purpose",
        "seal.does-not-open",
        id_key,
        key=hybrid,
    )
