"""Faults of transfers: binding, seal and commitment."""

from __future__ import annotations

from typing import Any

from sealing.documents import value
from sealing.encoding import b64u
from sealing.labels import SEAL_TRANSFER, SEAL_VALUE
from tests.sealing.world import NOW
from tests.vectors import forge
from tests.vectors.forge import Collector, canonical, header_of
from tests.vectors.scene import LATER, Scene


def add_all(to: Collector, scene: Scene) -> None:
    """Every vector of this module."""
    add_transfer_binding(to, scene)
    add_transfer_seal(to, scene)


def _transfer(scene: Scene, clear: bytes, label: bytes = SEAL_TRANSFER, **how: Any) -> str:
    kem = how.pop("kem", scene.target.kem.public)
    return forge.resealed(scene.transfer, scene.custody_signer, lambda i: kem.seal(clear, i), label, **how)


def _secrets(scene: Scene) -> bytes:
    return scene.key.secret.reveal() + scene.hybrid_key.secret.reveal()


def add_transfer_binding(to: Collector, scene: Scene) -> None:
    target = header_of(scene.transfer)["target"]
    secrets = _secrets(scene)

    def bound(name: str, fault: str, code: str, text: str, **given: Any) -> None:
        to.add(name, fault, "open transfer", f"binding.{code}", text=text, **given)

    bound(
        "transfer-for-another-unit",
        "another serial, sealed and signed anew",
        "serial",
        _transfer(scene, secrets, target={**target, "serial": "78-E0101"}),
    )
    bound(
        "transfer-to-another-device-key",
        "sealed to the source's key",
        "device",
        _transfer(
            scene,
            secrets,
            kem=scene.source.kem.public,
            target={**target, "kem_thumbprint": scene.source.kem.public.thumbprint},
        ),
    )
    bound(
        "transfer-with-another-nonce",
        "a nonce that this unit never gave",
        "nonce",
        _transfer(scene, secrets, target={**target, "nonce": b64u(bytes(32))}),
    )
    bound(
        "transfer-for-another-request",
        "the digest of another request",
        "nonce",
        _transfer(scene, secrets, target={**target, "request": value.digest(scene.value)}),
    )
    bound(
        "transfer-replayed",
        "the unit has a newer request open",
        "nonce",
        scene.transfer,
        transfer_request=scene.make_request(),
    )
    bound(
        "transfer-expired",
        "one second too late",
        "expired",
        scene.transfer,
        now=header_of(scene.transfer)["exp"],
    )
    bound(
        "transfer-that-never-lived",
        "expires before it was made",
        "expired",
        _transfer(scene, secrets, exp=NOW),
    )
    keys = header_of(scene.transfer)["keys"]
    bound(
        "transfer-of-one-key-twice",
        "a key stands twice",
        "keys",
        _transfer(scene, secrets, keys=[keys[0], keys[0]]),
    )
    by_desk = forge.with_header(scene.transfer, scene.desk_signer, kid=scene.desk_signer.kid)
    to.add(
        "transfer-by-front-desk",
        "signed by the desk's other key",
        "open transfer",
        "chain.unknown-key",
        text=by_desk,
    )
    revoked = scene.make_authorities(2, custody="revoked")
    to.add(
        "transfer-by-revoked-custody",
        "the key was revoked",
        "open transfer",
        "chain.revoked",
        text=scene.transfer,
        authority_list=revoked,
    )
    header = {**header_of(scene.transfer), "exp": LATER + 10**8}
    prolonged = forge.replace_part(scene.transfer, 0, b64u(canonical(header)))
    to.add(
        "transfer-prolonged",
        "a later expiry under the old signature",
        "open transfer",
        "signature.does-not-fit",
        text=prolonged,
    )
    ticket = {**header["ticket"], "attempt": 0}
    to.add(
        "transfer-of-attempt-zero",
        "attempts begin at 1",
        "open transfer",
        "encoding.member",
        text=_transfer(scene, secrets, ticket=ticket),
    )
    to.add(
        "transfer-of-no-keys",
        "an empty list",
        "open transfer",
        "encoding.member",
        text=_transfer(scene, b"", keys=[]),
    )
    more = [{**keys[0], "secret": "x"}, keys[1]]
    to.add(
        "transfer-with-a-member-more",
        "an unknown member inside a key",
        "open transfer",
        "encoding.unknown-member",
        text=_transfer(scene, secrets, keys=more),
    )


def add_transfer_seal(to: Collector, scene: Scene) -> None:
    secrets = _secrets(scene)
    keys = header_of(scene.transfer)["keys"]

    def opened(name: str, fault: str, expect: str, text: str) -> None:
        to.add(name, fault, "open transfer", expect, text=text)

    opened(
        "transfer-sealed-as-a-value",
        "info begins with the value's label",
        "seal.does-not-open",
        _transfer(scene, secrets, SEAL_VALUE),
    )
    opened(
        "transfer-sealed-to-a-stranger",
        "named for this key, sealed to another",
        "seal.does-not-open",
        _transfer(scene, secrets, kem=scene.source.kem.public),
    )
    other = canonical({**header_of(scene.transfer), "exp": LATER + 10**8})
    opened(
        "transfer-sealed-over-another-header",
        "another expiry in info",
        "seal.does-not-open",
        _transfer(scene, secrets, info_header=other),
    )
    opened(
        "transfer-lacks-a-secret",
        "one key's bytes missing",
        "seal.does-not-open",
        _transfer(scene, secrets[:32]),
    )
    opened(
        "transfer-has-a-secret-more",
        "one key's bytes too many",
        "seal.does-not-open",
        _transfer(scene, secrets + bytes(32)),
    )
    altered = forge.with_raw_payload(scene.transfer, scene.custody_signer, forge.flipped)
    opened("transfer-tag-altered", "one bit, signed anew", "seal.does-not-open", altered)
    opened(
        "transfer-secrets-exchanged",
        "in the other order",
        "commitment.another-key",
        _transfer(scene, secrets[32:] + secrets[:32]),
    )
    opened(
        "transfer-keys-exchanged",
        "listed in the other order",
        "commitment.another-key",
        _transfer(scene, secrets, keys=keys[::-1]),
    )
    opened(
        "transfer-of-a-forged-key",
        "zeros under the true commitment",
        "commitment.another-key",
        _transfer(scene, bytes(32) + secrets[32:]),
    )
    raised = [{**keys[0], "epoch": 9}, keys[1]]
    opened(
        "transfer-with-epoch-raised",
        "another epoch than committed to",
        "commitment.another-key",
        _transfer(scene, secrets, keys=raised),
    )
