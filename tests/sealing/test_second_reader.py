"""Readers that share no code with ours agree with it: joserfc and jwcrypto on signatures, Node on the seal.

second_reader.mjs is written from docs/formats/ with npm's `hpke`, `@panva/hpke-noble` and Web Crypto.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws
from joserfc.errors import BadSignatureError
from joserfc.jwk import ECKey
from jwcrypto import jwk as jwcrypto_jwk
from jwcrypto import jws as jwcrypto_jws

from sealing.documents import approval, device_record, transfer, transfer_request, value
from sealing.ecdsa import SigningKey, VerifyKey
from sealing.encoding import b64u, from_b64u
from sealing.errors import SignatureRefused
from sealing.labels import SEAL_TRANSFER, SEAL_VALUE
from sealing.passphrase import Passphrase, seal_key
from tests.sealing.world import NOW
from tests.vectors.forge import header_of
from tests.vectors.scene import LATER, Scene

SCRIPT = Path(__file__).with_name("second_reader.mjs")
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(
    NODE is None or not (SCRIPT.parents[2] / "node_modules/hpke").exists(),
    reason="node or node_modules/hpke is missing (npm ci)",
)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


def node(**request: Any) -> dict[str, Any]:
    """One request to the second reader."""
    assert NODE is not None
    done = subprocess.run(
        [NODE, str(SCRIPT)], input=json.dumps(request), capture_output=True, text=True, check=True, timeout=60
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def jwk_of(key: SigningKey | VerifyKey) -> dict[str, str]:
    """A JWK; the private member only for a signing key of this test."""
    public = key.public if isinstance(key, SigningKey) else key
    private = {"d": b64u(key.to_secret().reveal())} if isinstance(key, SigningKey) else {}
    return {"kty": "EC", "crv": "P-384", "x": b64u(public.raw[1:49]), "y": b64u(public.raw[49:]), **private}


# --- signatures: two JOSE libraries -----------------------------------------------------------------------


class Registry(jws.JWSRegistry):
    """joserfc's own limits are for tokens; our claims and chains stand in the header."""

    max_header_length = max_payload_length = 64 * 1024


REGISTRY = Registry(algorithms=["ES384"], strict_check_header=False)


def verify_by_joserfc(text: str, key: VerifyKey) -> bytes:
    return bytes(
        jws.deserialize_compact(text, ECKey.import_key(dict(jwk_of(key))), registry=REGISTRY).payload
    )


def verify_by_jwcrypto(text: str, key: VerifyKey) -> bytes:
    token = jwcrypto_jws.JWS()
    token.deserialize(text, jwcrypto_jwk.JWK(**jwk_of(key)))
    return bytes(token.payload)


@pytest.mark.parametrize("verify", [verify_by_joserfc, verify_by_jwcrypto])
def test_jose_libraries_verify_every_kind_of_document(
    scene: Scene, verify: Callable[[str, VerifyKey], bytes]
) -> None:
    unit, target = scene.source.signing.public, scene.target.signing.public
    documents = [
        (scene.value, unit),
        (scene.drill_request, unit),
        (scene.head, unit),
        (scene.request, target),
        (scene.installation, target),
        (scene.report, target),
        (scene.transfer, scene.custody_signer._key.public),
        (scene.drill_proof, scene.custody_signer._key.public),
        (scene.ticket, scene.desk_signer._key.public),
        (scene.receipt, scene.desk_signer._key.public),
        (scene.approvals[0], scene.people[0].key.public),
        (scene.authorities, scene.root_key.public),
        (scene.first_roster, scene.root_key.public),
        (scene.target.record, scene.device_key.public),
    ]
    payloads = [verify(text, key) for text, key in documents]
    assert payloads == [from_b64u(text.split(".")[1]) for text, _ in documents]


@pytest.mark.parametrize(
    ("verify", "error"),
    [(verify_by_joserfc, BadSignatureError), (verify_by_jwcrypto, jwcrypto_jws.InvalidJWSSignature)],
)
def test_jose_libraries_and_ours_refuse_the_same_signature(
    scene: Scene, verify: Callable[[str, VerifyKey], bytes], error: type[Exception]
) -> None:
    protected, payload, _ = scene.value.split(".")
    swapped = f"{protected}.{payload}.{scene.hybrid_value.split('.')[2]}"
    with pytest.raises(error):
        verify(swapped, scene.source.signing.public)
    with pytest.raises(SignatureRefused):
        value.read(swapped, scene.trust)


# --- the seal: Node ---------------------------------------------------------------------------------------


@needs_node
def test_node_opens_a_value_made_here(scene: Scene) -> None:
    opened = node(
        do="open",
        text=scene.value,
        root=b64u(scene.root),
        seed=b64u(scene.escrow.seed().reveal()),
        label=SEAL_VALUE.decode(),
    )
    assert from_b64u(opened["clear"]) == scene.key.secret.reveal()
    assert opened["header"]["key_id"] == scene.key.key_id


@needs_node
def test_node_opens_a_transfer_made_here(scene: Scene) -> None:
    opened = node(
        do="open",
        text=scene.transfer,
        signer=b64u(scene.custody_signer._key.public.raw),
        seed=b64u(scene.target.kem.seed().reveal()),
        label=SEAL_TRANSFER.decode(),
    )
    assert from_b64u(opened["clear"]) == scene.key.secret.reveal() + scene.hybrid_key.secret.reveal()
    assert opened["header"]["target"]["serial"] == scene.target.serial


@needs_node
def test_a_value_made_by_node_opens_here(scene: Scene) -> None:
    made = node(
        do="seal",
        header=header_of(scene.value),
        jwk=jwk_of(scene.source.signing),
        publicKey=b64u(scene.escrow.public.raw),
        clear=b64u(scene.key.secret.reveal()),
        label=SEAL_VALUE.decode(),
    )
    read = value.read(made["text"], scene.trust)
    assert value.open_value(read, scene.escrow, scene.trust).secret == scene.key.secret
    assert made["text"].split(".")[0] == scene.value.split(".")[0]


@needs_node
def test_a_transfer_made_by_node_opens_here(scene: Scene) -> None:
    made = node(
        do="seal",
        header=header_of(scene.transfer),
        jwk=jwk_of(scene.custody_signer._key),
        publicKey=b64u(device_record.read(scene.target.record, scene.trust).kem_key().raw),
        clear=b64u(scene.key.secret.reveal() + scene.hybrid_key.secret.reveal()),
        label=SEAL_TRANSFER.decode(),
    )
    read = transfer.read(made["text"], scene.trust)
    request = transfer_request.read(scene.request, scene.trust)
    keys = transfer.open_transfer(read, request, scene.target.kem, now=LATER)
    assert [key.secret for key in keys] == [scene.key.secret, scene.hybrid_key.secret]


@needs_node
def test_an_approval_signed_by_web_crypto_from_a_key_file_counts_here(scene: Scene) -> None:
    human = scene.people[1]
    words = "Fünf grüne Boote, e\u0301t\u00e9"  # not normalised: both sides do it
    file = seal_key(human.key, Passphrase.of(words), use="approver", name=human.name)
    ticket = scene.ticket_read
    claims = {"ticket": ticket.id, "attempt": ticket.attempt, "person": human.id, "iat": NOW + 20}
    made = node(do="approve", file=file, passphrase=words, ticket=scene.ticket, claims=claims)
    read = approval.read(made["text"], ticket, scene.trust)
    assert (read.person, read.document) == (human.id, ticket.digest)
    approval.require_round([made["text"], scene.approvals[0]], ticket, scene.trust)
