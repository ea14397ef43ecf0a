"""JWS in its compact form, ES384, one text per document (RFC 7515; docs/formats/README.md §3, §4).

A `Form` says what a type of document looks like. Documents whose payload is sealed carry their claims in the
protected header, so that the seal binds them a second time; all others carry them in the payload. `parse`
does the steps before any trust: text, base64url, JSON, type, members. It verifies nothing; a `Parsed` is
still hostile until its chain and signature have been checked by a document's `read`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from .ecdsa import SIGNATURE_BYTES, SigningKey, VerifyKey
from .encoding import (
    B64u,
    Digest,
    JsonObject,
    b64u,
    canonical_json,
    digest_of,
    from_b64u,
    from_canonical_json,
)
from .errors import EncodingRefused, HeaderRefused, Misuse
from .labels import Label

ALG: Final = "ES384"
KIB: Final = 1024
MAX_DOCUMENT: Final = 512 * KIB  # of any document; each form has its own, lower limit
MAX_CHAIN: Final = 2  # leaf and device authority; the root is pinned, never sent
MAX_CERTIFICATE: Final = 4 * KIB
_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.ASCII)
_TYP: Final = re.compile(r"(strongroom-[a-z-]+\+jws);v=([0-9]{1,4})", re.ASCII)


class Signer(Protocol):
    """Whoever can sign: a key in memory, a key process, a token. Verbs, no key."""

    @property
    def kid(self) -> str:
        """Thumbprint of the public key, or of the certificate where `chain` is not empty."""
        ...

    @property
    def chain(self) -> tuple[bytes, ...]:
        """Certificates in DER, leaf first, without the root; empty for keys of the authority list."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The 96-byte raw ES384 signature."""
        ...


class KeySigner:
    """A `Signer` over a key in memory."""

    def __init__(self, key: SigningKey, *, kid: str | None = None, chain: tuple[bytes, ...] = ()) -> None:
        if chain and kid is None:
            raise Misuse("a signer with certificates is named by the leaf's thumbprint")
        self._key = key
        self.kid: Final = kid or key.public.thumbprint
        self.chain: Final = chain

    def sign(self, message: bytes) -> bytes:
        """The 96-byte raw ES384 signature."""
        return self._key.sign(message)


@dataclass(frozen=True)
class Form:
    """What a type of document looks like."""

    typ: str
    max_bytes: int
    chained: bool = False  # x5c is demanded; otherwise it is refused
    seal: Label | None = None  # label of the seal: the payload is sealed, the claims stand in the header


@dataclass(frozen=True)
class Parsed:
    """A document taken apart, nothing verified."""

    form: Form
    kid: str
    chain: tuple[bytes, ...]
    claims: JsonObject
    payload: bytes
    protected: str
    signing_input: bytes
    signature: bytes

    @property
    def signature_text(self) -> B64u:
        """The signature as it stands in the text."""
        return b64u(self.signature)

    def verify(self, key: VerifyKey) -> None:
        """Step 6: the signature, over the exact text (docs/formats/README.md §4)."""
        key.verify(self.signing_input, self.signature)

    @property
    def seal_info(self) -> bytes:
        """`info` of the seal: label ‖ NUL ‖ exact base64url bytes of the protected header."""
        return seal_info(self.form, self.protected)


def seal_info(form: Form, protected: str) -> bytes:
    """What a seal binds: purpose and every byte of the header."""
    if form.seal is None:
        raise Misuse("this form has no seal")
    return form.seal + b"\0" + protected.encode("ascii")


def write(
    form: Form, claims: JsonObject, signer: Signer, seal: Callable[[bytes], bytes] | None = None
) -> str:
    """The document's text. For a sealed form, `seal(info)` makes the payload."""
    if (form.seal is None) != (seal is None):
        raise Misuse("a sealed form, and only that, takes a seal")
    if form.chained != bool(signer.chain):
        raise Misuse("this form and this signer differ on certificates")
    header: JsonObject = {"alg": ALG, "kid": signer.kid, "typ": form.typ}
    if form.chained:
        header["x5c"] = [_x5c(der) for der in signer.chain]
    if seal is not None:
        if header.keys() & claims.keys():
            raise Misuse("a claim has the name of a header member")
        header |= claims
    protected = b64u(canonical_json(header))
    payload = canonical_json(claims) if seal is None else seal(seal_info(form, protected))
    signing_input = f"{protected}.{b64u(payload)}"
    text = f"{signing_input}.{b64u(signer.sign(signing_input.encode('ascii')))}"
    if len(text) > form.max_bytes:
        raise Misuse(f"larger than a {form.typ} may be")
    return text


def parse(form: Form, text: str) -> Parsed:
    """Steps 1 to 4 of every reader (docs/formats/README.md §4). Refuses; verifies nothing."""
    # 1. One text, of bounded size.
    protected, middle, last = _split(text, form.max_bytes)
    # 2. Canonical base64url and JSON.
    header = from_canonical_json(from_b64u(protected))
    payload = from_b64u(middle)
    signature = from_b64u(last)
    # 3. The type, version and algorithm that this reader is for, and no other.
    _check_type(form, header)
    # 4. Members: exactly those of the form.
    kid = _take_text(header, "kid", 64)
    chain = _take_chain(header) if form.chained else ()
    del header["alg"], header["typ"]
    if form.seal is not None:
        claims = header
    else:
        if header:
            raise EncodingRefused("unknown-member", "unknown header member", member=min(header)[:64])
        claims = from_canonical_json(payload)
    if len(signature) != SIGNATURE_BYTES:
        raise EncodingRefused("signature-length", "a signature has 96 bytes")
    return Parsed(form, kid, chain, claims, payload, protected, f"{protected}.{middle}".encode(), signature)


@dataclass(frozen=True)
class Peeked:
    """What an unverified text says of itself. For routing and for showing with that warning, nothing else."""

    typ: str
    header: JsonObject
    claims: JsonObject  # empty where the payload is sealed: then the header has them


def peek(text: str) -> Peeked:
    """Type and claims of a text, unverified."""
    protected, middle, _ = _split(text, MAX_DOCUMENT)
    header = from_canonical_json(from_b64u(protected))
    typ = header.get("typ")
    if not isinstance(typ, str) or not _TYP.fullmatch(typ):
        raise HeaderRefused("type", "no document of this product")
    try:
        claims = from_canonical_json(from_b64u(middle))
    except EncodingRefused:
        claims = {}
    return Peeked(typ, header, claims)


def digest(text: str) -> Digest:
    """SHA-384 over the signed text: header and payload with the dot between, without the signature.

    The signature is left out because ECDSA gives everybody a second valid one: what is named by its digest
    (a consumed value, an approved ticket) would otherwise have two names.
    """
    protected, middle, _ = _split(text, MAX_DOCUMENT)
    return digest_of(f"{protected}.{middle}".encode("ascii"))


def _split(text: str, most: int) -> tuple[str, str, str]:
    if not isinstance(text, str):
        raise Misuse("a document is text")
    if len(text) > most:
        raise EncodingRefused("size", "too large", limit=most)
    if text.startswith(("\ufeff", "\u00ef\u00bb\u00bf")):
        raise EncodingRefused("byte-order-mark", "begins with a byte-order mark")
    match = _COMPACT.fullmatch(text)
    if match is None:
        raise EncodingRefused("compact", "not three base64url parts with two dots")
    return match[1], match[2], match[3]


def _check_type(form: Form, header: JsonObject) -> None:
    typ = header.get("typ")
    if typ != form.typ:
        ours, theirs = _TYP.fullmatch(form.typ), _TYP.fullmatch(typ) if isinstance(typ, str) else None
        if ours is not None and theirs is not None and ours[1] == theirs[1]:
            raise HeaderRefused(
                "version", "another version of this document", wanted=ours[2], found=theirs[2]
            )
        raise HeaderRefused("type", "another type of document", wanted=form.typ)
    if header.get("alg") != ALG:
        raise HeaderRefused("algorithm", "another algorithm than ES384")


def _take_text(header: JsonObject, name: str, most: int) -> str:
    value: Any = header.pop(name, None)
    if not isinstance(value, str) or not 0 < len(value) <= most or not value.isascii():
        raise EncodingRefused("member", f"{name}: missing or not a short text", member=name)
    return value


def _x5c(der: bytes) -> str:
    # RFC 7515 §4.1.6: certificates stand in standard base64 with padding, unlike everything else.
    text = b64u(der).replace("-", "+").replace("_", "/")
    return text + "=" * (-len(text) % 4)


def _take_chain(header: JsonObject) -> tuple[bytes, ...]:
    value: Any = header.pop("x5c", None)
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_CHAIN:
        raise EncodingRefused("member", f"x5c: not a list of 1 to {MAX_CHAIN}", member="x5c")
    chain = []
    for item in value:
        if not isinstance(item, str) or len(item) > MAX_CERTIFICATE * 4 // 3:
            raise EncodingRefused("member", "x5c: not base64 of a certificate", member="x5c")
        der = from_b64u(item.rstrip("=").replace("+", "-").replace("/", "_"))
        if _x5c(der) != item:
            raise EncodingRefused("base64-not-canonical", "x5c: not canonical base64", member="x5c")
        chain.append(der)
    return tuple(chain)
