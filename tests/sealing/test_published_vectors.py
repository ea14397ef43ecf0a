"""The wrappers against vectors that others published (package cryptography-vectors; each file named below).

HPKE/hpke-pq-test-vectors.json (draft-ietf-hpke-pq), ciphers/AES/GCM/gcm*256.rsp (NIST CAVS 14.0),
KDF/rfc-5869-HKDF-SHA256.txt, HMAC/rfc-4231-sha256.txt, asymmetric/ECDSA/FIPS_186-3/SigGen.txt (NIST CAVS),
asymmetric/RSA/oaep-custom/oaep-sha256-sha256.txt (pyca, checked by its authors against Bouncy Castle).
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import cryptography_vectors
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from sealing import oaep
from sealing.aead import Aead
from sealing.ecdsa import VerifyKey
from sealing.errors import Refused, SealRefused, SignatureRefused
from sealing.hpke import ENC_BYTES, KemPrivateKey
from sealing.kdf import derive, framed, mac
from sealing.labels import Label
from sealing.secret import KemSeed, Key256, SecretBytes
from tests.sealing import hpke_by_hand

ROOT = Path(cryptography_vectors.__file__).parent
HYBRID = [
    vector
    for vector in json.loads((ROOT / "HPKE/hpke-pq-test-vectors.json").read_text())
    if (vector["kem_id"], vector["kdf_id"]) == (hpke_by_hand.KEM, hpke_by_hand.SHAKE256)
]
SEEDS = [
    vector
    for vector in json.loads((ROOT / "HPKE/hpke-pq-test-vectors.json").read_text())
    if vector["kem_id"] == hpke_by_hand.KEM
]


def unhex(text: str) -> bytes:
    return bytes.fromhex(text)


def blocks(name: str) -> list[dict[str, str]]:
    """The paragraphs of a CAVS or RFC file as dictionaries; a line without '=' is a flag."""
    found = []
    for paragraph in (ROOT / name).read_text().replace("\r", "").split("\n\n"):
        lines = [line.split("=", 1) for line in paragraph.splitlines() if line and line[0] not in "#["]
        found.append({line[0].strip(): line[-1].strip() for line in lines})
    return found


# --- HPKE ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", SEEDS, ids=lambda v: f"kdf{v['kdf_id']}")
def test_a_seed_expands_to_the_published_public_key(vector: dict[str, Any]) -> None:
    assert KemPrivateKey(KemSeed(unhex(vector["skRm"]))).public.raw == unhex(vector["pkRm"])


@pytest.mark.parametrize("vector", HYBRID, ids=["shake256"])
def test_the_reader_by_hand_agrees_with_every_published_step(vector: dict[str, Any]) -> None:
    secret = hpke_by_hand.decapsulate(unhex(vector["enc"]), unhex(vector["skRm"]))
    assert secret == unhex(vector["shared_secret"])
    made = hpke_by_hand.schedule(secret, unhex(vector["info"]), vector["aead_id"])
    published = [unhex(vector[name]) for name in ("key", "base_nonce", "exporter_secret")]
    assert [made.key, made.base_nonce, made.exporter_secret] == published
    first = vector["encryptions"][0]
    opened = ChaCha20Poly1305(made.key).decrypt(made.base_nonce, unhex(first["ct"]), unhex(first["aad"]))
    assert opened == unhex(first["pt"])


@pytest.mark.parametrize("vector", HYBRID, ids=["shake256"])
def test_the_reader_by_hand_opens_what_the_wrapper_seals_to_the_published_key(vector: dict[str, Any]) -> None:
    seed, info = unhex(vector["skRm"]), b"strongroom test v1\0header"
    sealed = KemPrivateKey(KemSeed(seed)).public.seal(b"a key", info)
    secret = hpke_by_hand.decapsulate(sealed[:ENC_BYTES], seed)
    made = hpke_by_hand.schedule(secret, info, hpke_by_hand.AES_256_GCM)
    assert AESGCM(made.key).decrypt(made.base_nonce, sealed[ENC_BYTES:], b"") == b"a key"


@pytest.mark.parametrize("vector", HYBRID, ids=["shake256"])
def test_the_wrapper_opens_what_is_sealed_by_hand_with_the_published_encapsulation(
    vector: dict[str, Any],
) -> None:
    enc, info = unhex(vector["enc"]), b"strongroom test v1\0header"
    made = hpke_by_hand.schedule(unhex(vector["shared_secret"]), info, hpke_by_hand.AES_256_GCM)
    sealed = enc + AESGCM(made.key).encrypt(made.base_nonce, b"a key", b"")
    private = KemPrivateKey(KemSeed(unhex(vector["skRm"])))
    assert private.open(sealed, info) == b"a key"
    with pytest.raises(SealRefused):
        private.open(sealed, info + b"x")


# --- AES-256-GCM --------------------------------------------------------------------------------------------

# The wrapper takes 12-byte nonces and 16-byte tags only; the files have other lengths too.
ENCRYPT = [
    b
    for b in blocks("ciphers/AES/GCM/gcmEncryptExtIV256.rsp")
    if len(b.get("IV", "")) == 24 and len(b.get("Tag", "")) == 32
]
DECRYPT = [
    b
    for b in blocks("ciphers/AES/GCM/gcmDecrypt256.rsp")
    if len(b.get("IV", "")) == 24 and len(b.get("Tag", "")) == 32
]


def test_gcm_seals_as_published() -> None:
    for block in ENCRYPT:
        aead = Aead(Key256(unhex(block["Key"])))
        sealed = aead.seal(unhex(block["IV"]), unhex(block["PT"]), unhex(block["AAD"]))
        assert sealed == unhex(block["CT"] + block["Tag"])
        out = bytearray(len(sealed))
        assert aead.encrypt_into(unhex(block["IV"]), unhex(block["PT"]), unhex(block["AAD"]), out) == len(out)
        assert out == sealed
    assert len(ENCRYPT) > 300


def _outcome(block: dict[str, str]) -> bytes | None:
    sealed = unhex(block["CT"] + block["Tag"])
    try:
        return Aead(Key256(unhex(block["Key"]))).open(unhex(block["IV"]), sealed, unhex(block["AAD"]))
    except Refused:
        return None


def _outcome_into(block: dict[str, str]) -> bytes | None:
    sealed = unhex(block["CT"] + block["Tag"])
    out = bytearray(len(sealed) - 16)
    try:
        Aead(Key256(unhex(block["Key"]))).decrypt_into(unhex(block["IV"]), sealed, unhex(block["AAD"]), out)
    except Refused:
        return None
    return bytes(out)


def test_gcm_opens_and_refuses_as_published() -> None:
    expected = [None if "FAIL" in block else unhex(block["PT"]) for block in DECRYPT]
    assert [_outcome(block) for block in DECRYPT] == expected
    assert [_outcome_into(block) for block in DECRYPT] == expected
    assert expected.count(None) > 100
    assert len(expected) - expected.count(None) > 100


# --- HKDF, HMAC, ECDSA --------------------------------------------------------------------------------------


def test_hkdf_is_the_published_one_over_our_framing(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "KDF/rfc-5869-HKDF-SHA256.txt").read_text().split("COUNT = 2")[1].split("# A.3")[0]
    case = {
        line.split("=")[0].strip(): line.split("=")[1].strip() for line in text.splitlines() if "=" in line
    }
    monkeypatch.setattr("sealing.kdf.framed", lambda _label, info: info)
    made = derive(
        SecretBytes(unhex(case["IKM"])),
        Label(b"any"),
        unhex(case["info"]),
        salt=unhex(case["salt"]),
        length=int(case["L"]),
    )
    assert made == unhex(case["OKM"])


def test_hmac_is_the_published_one_over_our_framing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sealing.kdf.framed", lambda _label, message: message)
    cases = [b for b in blocks("HMAC/rfc-4231-sha256.txt") if len(b.get("MD", "")) == 64]
    for case in cases:
        assert mac(SecretBytes(unhex(case["Key"])), Label(b"any"), unhex(case["Msg"])) == unhex(case["MD"])
    assert len(cases) >= 5


def test_framing_gives_no_two_lists_the_same_bytes() -> None:
    label = Label(b"strongroom test v1")
    assert framed(label, b"ab", b"c") != framed(label, b"a", b"bc")
    assert framed(label, b"") != framed(label)
    assert framed(label, b"a") == b"strongroom test v1\0\0\0\0\1a"


SIGNATURES = (ROOT / "asymmetric/ECDSA/FIPS_186-3/SigGen.txt").read_text().replace("\r", "")
P384 = SIGNATURES.split("[P-384,SHA-384]")[1].split("\n[")[0]


def test_ecdsa_verifies_the_published_signatures_and_none_over_another_message() -> None:
    cases = [
        {line.split("=")[0].strip(): line.split("=")[1].strip() for line in block.splitlines() if "=" in line}
        for block in P384.strip().split("\n\n")
    ]
    for case in cases:
        key = VerifyKey.from_bytes(b"\x04" + unhex(case["Qx"]) + unhex(case["Qy"]))
        signature = unhex(case["R"]).rjust(48, b"\0") + unhex(case["S"]).rjust(48, b"\0")
        key.verify(unhex(case["Msg"]), signature)
        with pytest.raises(SignatureRefused):
            key.verify(unhex(case["Msg"]) + b"\0", signature)
    assert len(cases) == 15


# --- RSA-OAEP -----------------------------------------------------------------------------------------------


def _oaep_examples() -> list[tuple[rsa.RSAPrivateKey, list[tuple[bytes, bytes]]]]:
    """Each key of the file with its messages and ciphertexts."""
    found = []
    text = (ROOT / "asymmetric/RSA/oaep-custom/oaep-sha256-sha256.txt").read_text()
    for example in text.split("# Private key")[1:]:
        own = example.split("# Public key")[0]
        lines = [line for line in own.splitlines() if line and not line.startswith("# ==")]
        values = dict(pairwise([line.strip("# :").split(" alg")[0] for line in lines]))
        numbers = [
            int(values[n], 16) for n in ("Prime 1", "Prime 2", "Exponent", "Modulus", "Public exponent")
        ]
        p, q, d, n, e = numbers
        public = rsa.RSAPublicNumbers(e, n)
        private = rsa.RSAPrivateNumbers(
            p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q), public
        ).private_key(unsafe_skip_rsa_key_validation=True)
        messages = [lines[i + 1] for i, line in enumerate(lines) if line == "# Message:"]
        sealed = [lines[i + 1] for i, line in enumerate(lines) if line == "# Encryption:"]
        found.append((private, [(unhex(m), unhex(c)) for m, c in zip(messages, sealed, strict=True)]))
    return found


def test_the_padding_of_the_rsa_suite_is_the_published_one() -> None:
    opened = [
        (key.decrypt(sealed, oaep._PADDING), message)
        for key, cases in _oaep_examples()
        for message, sealed in cases
    ]
    assert [made for made, _ in opened] == [published for _, published in opened]
    assert len(opened) > 30
