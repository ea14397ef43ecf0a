"""Faults of the text, the header, the chain and the signature, shown on the value, which has all of them."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.x509.oid import NameOID

from sealing.ecdsa import SigningKey
from sealing.encoding import b64u, thumbprint_of
from sealing.identity import (
    NO_EXPIRY,
    make_device_authority,
    make_request,
    make_root,
    make_unit_certificate,
    read_request,
)
from sealing.jose import KeySigner
from tests.vectors import forge
from tests.vectors.forge import Collector, canonical, header_of
from tests.vectors.scene import Scene

READ = "read value"


def add_all(to: Collector, scene: Scene) -> None:
    """Every vector of this module."""
    add_text(to, scene)
    add_members(to, scene)
    add_header(to, scene)
    add_certificates(to, scene)
    add_authorities(to, scene)
    add_signatures(to, scene)


def add_text(to: Collector, scene: Scene) -> None:
    text = scene.value
    protected, payload, signature = text.split(".")

    def raw(name: str, fault: str, code: str, changed: str) -> None:
        to.add(name, fault, READ, f"encoding.{code}", text=changed)

    raw("value-with-byte-order-mark", "U+FEFF before the text", "byte-order-mark", "\ufeff" + text)
    raw("value-with-utf8-mark-read-as-latin1", "EF BB BF decoded as Latin-1", "byte-order-mark", "ï»¿" + text)
    raw("value-with-final-newline", "pasted text not normalised", "compact", text + "\n")
    raw("value-broken-in-lines", "line breaks not removed", "compact", f"{text[:64]}\n{text[64:]}")
    raw("value-with-fourth-part", "a dot and a part after the signature", "compact", text + ".AA")
    raw("value-without-signature", "two parts only", "compact", f"{protected}.{payload}")
    raw("value-with-empty-payload", "nothing between the dots", "compact", f"{protected}..{signature}")
    raw("value-padded", "padding after the signature", "compact", text + "==")
    raw(
        "value-in-standard-base64",
        "'+' in place of '-'",
        "compact",
        f"{protected}.{payload}.+{signature[1:]}",
    )
    raw(
        "value-cut-short",
        "the last 8 characters missing",
        "signature-length",
        text[:-8],
    )
    raw("value-with-one-character-more", "a length that base64url does not have", "base64url", text + "A")
    raw(
        "value-with-loose-bits",
        "trailing bits of the payload are not zero",
        "base64url-not-canonical",
        f"{protected}.{_with_loose_bits(payload)}.{signature}",
    )
    raw("value-too-large", "17 KiB", "size", text + "A" * (17 * 1024 - len(text)))
    raw("value-signed-in-der", "a DER signature in place of r ‖ s", "signature-length", _der_signed(scene))


def _with_loose_bits(part: str) -> str:
    """The same bytes spelled with non-zero trailing bits; the value's payload has such a tail."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert len(part) % 4 in (2, 3)
    return part[:-1] + alphabet[alphabet.index(part[-1]) | 1]


def _der_signed(scene: Scene) -> str:
    protected, payload, signature = scene.value.split(".")
    raw = base64.urlsafe_b64decode(signature)
    r, s = int.from_bytes(raw[:48], "big"), int.from_bytes(raw[48:], "big")
    return f"{protected}.{payload}.{b64u(encode_dss_signature(r, s))}"


def add_members(to: Collector, scene: Scene) -> None:
    text, signer = scene.value, scene.source.signer

    def raw(name: str, fault: str, code: str, change: Any) -> None:
        changed = forge.with_raw_header(text, signer, change)
        to.add(name, fault, READ, f"encoding.{code}", text=changed)

    def member(name: str, fault: str, code: str = "member", **changes: Any) -> None:
        changed = forge.with_header(text, signer, **changes)
        to.add(name, fault, READ, f"encoding.{code}", text=changed)

    raw(
        "header-with-spaces",
        "a space after a colon",
        "json-not-canonical",
        lambda h: h.replace(b'":', b'": ', 1),
    )
    raw(
        "header-with-final-newline", "a line feed after the object", "json-not-canonical", lambda h: h + b"\n"
    )
    raw("header-unsorted", "first two members exchanged", "json-not-canonical", _exchanged)
    raw(
        "header-escaped",
        "a letter as \\u escape",
        "json-not-canonical",
        lambda h: h.replace(b"ES", b"\\u0045S"),
    )
    raw("header-member-twice", "alg stands twice", "duplicate-member", lambda h: b'{"alg":"ES384",' + h[1:])
    raw("header-not-an-object", "an array", "json", lambda h: b"[" + h + b"]")
    raw("header-cut", "last brace missing", "json", lambda h: h[:-1])
    raw("header-then-more", "a second object after the first", "json", lambda h: h + b"{}")
    raw("header-not-utf8", "a byte FF", "utf-8", lambda h: h.replace(b"ES384", b"ES\xff84"))
    raw("header-with-mark", "a byte-order mark in the JSON", "byte-order-mark", lambda h: b"\xef\xbb\xbf" + h)
    raw("header-with-nan", "NaN as epoch", "json", lambda h: h.replace(b'"epoch":3', b'"epoch":NaN'))
    raw("epoch-as-fraction", "3.0", "json", lambda h: h.replace(b'"epoch":3', b'"epoch":3.0'))
    raw("epoch-with-exponent", "3e0", "json", lambda h: h.replace(b'"epoch":3', b'"epoch":3e0'))
    raw(
        "header-nested-deeply",
        "2,000 brackets",
        "json",
        lambda h: h[:-1] + b',"zz":' + b"[" * 2000 + b"]" * 2000 + b"}",
    )
    raw(
        "header-lone-surrogate",
        "half a character",
        "json-not-canonical",
        lambda h: h.replace(b'"ES384"', b'"\\ud800"'),
    )
    member("epoch-zero", "epoch 0", epoch=0)
    member("epoch-negative", "epoch -1", epoch=-1)
    member("epoch-as-text", "epoch in quotes", epoch="3")
    member("epoch-as-truth", "true, which some languages take for 1", epoch=True)
    member("epoch-beyond-exact-integers", "2^53 + 1", "json-not-canonical", epoch=2**53 + 1)
    member("serial-with-space", "a space in the serial", serial="78 D0412")
    member("serial-with-line-feed", "a line feed after the serial", serial="78-D0412\n")
    member("serial-null", "null", serial=None)
    member("customer-upper-case", "a UUID in upper case", customer="AAAAAAAA-1111-4111-8111-111111111111")
    member("key-id-too-short", "15 bytes", key_id="ab" * 15)
    member("commitment-too-short", "31 bytes", commitment=b64u(bytes(31)))
    member("commitment-padded", "padding", "base64url", commitment=b64u(bytes(32)) + "=")
    member("kind-unknown", "a third kind of key", kind="asymmetric")
    member("time-before-the-product", "1970", iat=0)
    member("member-unknown", "one member more", "unknown-member", note="hello")
    member("member-crit", "a critical extension", "unknown-member", crit=["exp"])
    member("member-missing", "no customer", "missing-member", customer=...)
    member("kid-missing", "no key id", kid=...)
    member("chain-missing", "no certificates", x5c=...)
    member("chain-empty", "an empty list", x5c=[])
    chain = header_of(text)["x5c"]
    member("chain-of-three", "the root is sent along", x5c=[*chain, base64.b64encode(scene.root).decode()])
    member(
        "chain-in-base64url", "url alphabet in x5c", "base64-not-canonical", x5c=[_urlish(chain[0]), chain[1]]
    )
    member("chain-unpadded", "padding missing in x5c", "base64-not-canonical", x5c=_unpadded(chain))
    receipt = forge.with_header(scene.receipt, scene.desk_signer, x5c=chain)
    to.add(
        "certificates-where-none-belong",
        "x5c in a document of the authority list",
        "read receipt",
        "encoding.unknown-member",
        text=receipt,
    )


def _exchanged(header: bytes) -> bytes:
    first, second, rest = header[1:].split(b",", 2)
    return b"{" + second + b"," + first + b"," + rest


def _urlish(text: str) -> str:
    """Standard base64 with its padding, but the url alphabet; certificates here hold both of those
    characters.
    """
    return text.replace("+", "-").replace("/", "_")


def _unpadded(chain: list[str]) -> list[str]:
    """Padding off where there is some, else too much of it."""
    return [item.rstrip("=") if item.endswith("=") else item + "====" for item in chain]


def add_header(to: Collector, scene: Scene) -> None:
    text, signer = scene.value, scene.source.signer

    def change(name: str, fault: str, code: str, **changes: Any) -> None:
        to.add(name, fault, READ, f"header.{code}", text=forge.with_header(text, signer, **changes))

    change("type-of-another-document", "a receipt's type", "type", typ="strongroom-lodging-receipt+jws;v=1")
    change("type-of-another-product", "JWT", "type", typ="JWT")
    change("type-missing", "no typ", "type", typ=...)
    change("type-in-capitals", "letters of another case", "type", typ="STRONGROOM-VALUE+JWS;V=1")
    change("version-next", "version 2", "version", typ="strongroom-value+jws;v=2")
    change("algorithm-none", "alg none", "algorithm", alg="none")
    change("algorithm-hmac", "HS384, keyed by the public key", "algorithm", alg="HS384")
    change("algorithm-weaker", "ES256", "algorithm", alg="ES256")
    change("algorithm-missing", "no alg", "algorithm", alg=...)
    change("suite-of-another-authority", "RSA named for a hybrid key", "suite", suite="rsa-oaep-sha256")
    change("suite-unknown", "a suite that no list has", "suite", suite="null")
    to.add(
        "transfer-read-as-value",
        "a transfer where a value is wanted",
        READ,
        "header.type",
        text=scene.transfer,
    )


def _signed_by(scene: Scene, key: SigningKey, chain: tuple[bytes, ...]) -> str:
    """The value with this chain, named for its leaf, signed by this key."""
    x5c = [base64.b64encode(der).decode() for der in chain]
    signer = KeySigner(key, kid=thumbprint_of(chain[0]), chain=chain)
    return forge.with_header(scene.value, signer, x5c=x5c, kid=signer.kid)


def add_certificates(to: Collector, scene: Scene) -> None:
    unit, authority = scene.source.signer.chain
    serial, key = scene.source.serial, scene.source.signing

    def chain(name: str, fault: str, code: str, text: str, **given: Any) -> None:
        to.add(name, fault, READ, f"chain.{code}", text=text, **given)

    stranger_root_key, stranger_key = SigningKey.generate(), SigningKey.generate()
    stranger_root = make_root(stranger_root_key, "Test root")
    stranger = make_device_authority(
        stranger_root_key, stranger_root, stranger_key.public, "Test device authority"
    )
    request = read_request(make_request(key, serial))
    chain(
        "unit-of-another-manufacturer",
        "a whole chain under another root of the same name",
        "not-issued",
        _signed_by(scene, key, (make_unit_certificate(stranger_key, stranger, request), stranger)),
    )
    chain(
        "unit-issued-by-stranger",
        "the true device authority's certificate above a stranger's leaf",
        "not-issued",
        _signed_by(scene, key, (make_unit_certificate(stranger_key, authority, request), authority)),
    )
    chain("chain-reversed", "device authority first", "profile", _signed_by(scene, key, (authority, unit)))
    chain("chain-without-authority", "the leaf alone", "chain-length", _signed_by(scene, key, (unit,)))
    chain(
        "chain-of-authority-twice",
        "the authority as leaf",
        "profile",
        _signed_by(scene, key, (authority, authority)),
    )
    other = scene.make_unit("78-F9999")
    by_unit = _certificate(
        other.signing, x509.load_der_x509_certificate(other.signer.chain[0]).subject, scene
    )
    chain(
        "unit-issued-by-unit",
        "another unit's identity used as device authority",
        "profile",
        _signed_by(scene, key, (by_unit, other.signer.chain[0])),
    )
    issuer = x509.load_der_x509_certificate(authority).subject
    for name, fault, code, changes in _PROFILES:
        forged = _certificate(scene.device_key, issuer, scene, **changes)
        chain(name, fault, code, _signed_by(scene, key, (forged, authority)))
    chain(
        "certificate-spelled-twice",
        "r, n − s in the leaf",
        "profile",
        _signed_by(scene, key, (_high(unit), authority)),
    )
    chain(
        "certificate-then-more",
        "a byte after the leaf",
        "certificate",
        _signed_by(scene, key, (unit + b"\0", authority)),
    )
    chain(
        "certificate-garbage",
        "no certificate",
        "certificate",
        _signed_by(scene, key, (b"\x30\x00", authority)),
    )
    chain(
        "kid-of-another-certificate",
        "named for the device authority",
        "kid",
        forge.with_header(scene.value, scene.source.signer, kid=thumbprint_of(authority)),
    )


_PROFILES: list[tuple[str, str, str, dict[str, Any]]] = [
    ("unit-that-expired", "a date in the past", "profile", {"until": datetime(2026, 1, 1, tzinfo=UTC)}),
    ("unit-that-may-issue", "CA true in the leaf", "profile", {"ca": True}),
    ("unit-with-more-extensions", "an extended key usage", "profile", {"extra": True}),
    ("unit-with-more-names", "a common name beside the serial", "subject", {"common_name": "Unit"}),
    ("unit-on-another-curve", "a P-256 key", "signing-key", {"curve": ec.SECP256R1()}),
    ("unit-certified-by-weaker-hash", "ECDSA with SHA-256", "certificate", {"hash": hashes.SHA256()}),
]


def _certificate(
    issuer_key: SigningKey,
    issuer: x509.Name,
    scene: Scene,
    *,
    until: datetime = NO_EXPIRY,
    ca: bool = False,
    extra: bool = False,
    common_name: str = "",
    curve: ec.EllipticCurve | None = None,
    hash: hashes.SHA256 | hashes.SHA384 = hashes.SHA384(),  # noqa: B008
) -> bytes:
    """A leaf like a unit's but for what is asked."""
    public = ec.generate_private_key(curve).public_key() if curve else scene.source.signing.public.handle
    names = [x509.NameAttribute(NameOID.SERIAL_NUMBER, scene.source.serial)]
    names += [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    usage = dict.fromkeys(
        [
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ],
        False,
    )
    builder = (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(x509.Name(names))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2025, 1, 1, tzinfo=UTC))
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca, 0 if ca else None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, key_cert_sign=False, **usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )
    if extra:
        purpose = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH])
        builder = builder.add_extension(purpose, critical=False)
    while True:
        made = builder.sign(issuer_key.handle, hash)
        _, s = decode_dss_signature(made.signature)
        if s <= ORDER // 2:
            return made.public_bytes(serialization.Encoding.DER)


ORDER = int("F" * 48 + "C7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973", 16)


def _high(der: bytes) -> bytes:
    """The same certificate with the other signature that everybody can compute."""
    made = x509.load_der_x509_certificate(der)
    r, s = decode_dss_signature(made.signature)
    signature = b"\0" + encode_dss_signature(r, ORDER - s)
    algorithm = bytes.fromhex("300a06082a8648ce3d040303")
    body = made.tbs_certificate_bytes + algorithm + b"\x03" + bytes([len(signature)]) + signature
    return b"\x30\x82" + len(body).to_bytes(2, "big") + body


def add_authorities(to: Collector, scene: Scene) -> None:
    def under(name: str, fault: str, code: str, authorities: str) -> None:
        to.add(name, fault, READ, f"chain.{code}", text=scene.value, authority_list=authorities)

    under(
        "device-authority-revoked",
        "in the list, revoked",
        "revoked",
        scene.make_authorities(2, device_authority="revoked"),
    )
    under(
        "escrow-key-revoked", "in the list, revoked", "revoked", scene.make_authorities(2, escrow="revoked")
    )
    entries = tuple(e for e in scene.entries() if e.use != "device-authority")
    under(
        "device-authority-not-listed",
        "issued by the root, yet not in the list",
        "unknown-key",
        scene.list_of(entries),
    )
    entries = tuple(e for e in scene.entries() if e.use != "escrow")
    under(
        "escrow-key-not-listed",
        "sealed to a key that the list does not have",
        "unknown-key",
        scene.list_of(entries),
    )
    to.add(
        "escrow-key-is-a-signing-key",
        "the front desk's key named as authority",
        READ,
        "chain.unknown-key",
        text=forge.with_header(
            scene.value, scene.source.signer, authority=scene.desk_signer.kid, suite="es384"
        ),
    )


def add_signatures(to: Collector, scene: Scene) -> None:
    text, signer = scene.value, scene.source.signer
    protected, payload, signature = text.split(".")

    def bad(name: str, fault: str, changed: str) -> None:
        to.add(name, fault, READ, "signature.does-not-fit", text=changed)

    header = header_of(text)
    altered = b64u(canonical({**header, "epoch": 4}))
    bad("header-altered", "epoch 4 under the old signature", f"{altered}.{payload}.{signature}")
    bad(
        "customer-altered",
        "another customer under the old signature",
        forge.replace_part(
            text, 0, b64u(canonical({**header, "customer": "99999999-9999-4999-8999-999999999999"}))
        ),
    )
    bad(
        "payload-altered",
        "one bit of the sealed key",
        f"{protected}.{b64u(forge.flipped(forge.payload_of(text)))}.{signature}",
    )
    bad(
        "payload-of-another-value",
        "the hybrid key's payload",
        forge.replace_part(text, 1, scene.hybrid_value.split(".")[1]),
    )
    bad(
        "payload-cut-short",
        "the last 16 bytes missing",
        f"{protected}.{b64u(forge.payload_of(text)[:-16])}.{signature}",
    )
    bad(
        "signature-of-another-document",
        "the hybrid value's signature",
        forge.replace_part(text, 2, scene.hybrid_value.split(".")[2]),
    )
    bad("signature-of-zeros", "r and s are 0", f"{protected}.{payload}.{b64u(bytes(96))}")
    order = ORDER.to_bytes(48, "big")
    bad("signature-of-the-order", "r and s are n", f"{protected}.{payload}.{b64u(order + order)}")
    bad("signature-halves-exchanged", "s ‖ r", f"{protected}.{payload}.{signature[64:]}{signature[:64]}")
    bad(
        "signed-by-another-unit",
        "another key under this chain",
        forge.with_header(text, KeySigner(scene.target.signing)),
    )
    weaker = scene.source.signing.handle.sign(
        hashlib.sha256(f"{protected}.{payload}".encode()).digest(), ec.ECDSA(Prehashed(hashes.SHA256()))
    )
    r, s = decode_dss_signature(weaker)
    bad(
        "signed-with-weaker-hash",
        "SHA-256",
        f"{protected}.{payload}.{b64u(r.to_bytes(48, 'big') + s.to_bytes(48, 'big'))}",
    )
    bad(
        "signed-over-payload-only",
        "the header left out",
        forge.replace_part(text, 2, b64u(signer.sign(payload.encode()))),
    )
