"""Who a unit is: X.509 certificates in the manner of IEEE 802.1AR (docs/formats/identity.md).

root → device authority → unit (IDevID). All on P-384 with ECDSA-SHA384, no expiry (99991231235959Z), exactly
one profile per kind, so a certificate with anything else in it is refused. A certificate signature's `s` is
at most half the group order; with DER that leaves one text per certificate, and its thumbprint can name the
unit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.x509.oid import ExtensionOID, NameOID, SignatureAlgorithmOID

from .claims import SERIAL
from .ecdsa import SigningKey, VerifyKey
from .encoding import Thumbprint, thumbprint_of
from .errors import ChainRefused, EncodingRefused, Misuse

NO_EXPIRY: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)  # RFC 5280 §4.1.2.5, 802.1AR §8.7
# SEQUENCE { SEQUENCE { [0] 2, INTEGER 1..2^159, ecdsa-with-SHA384, …
_BEGINNING: Final = re.compile(
    rb"\x30(?:\x82..|\x81.)\x30(?:\x82..|\x81.|[\0-\x7f])\xa0\x03\x02\x01\x02"
    rb"\x02[\x01-\x15][\x00-\x7f].{0,20}?\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03",
    re.DOTALL,
)
_T = TypeVar("_T")
# Everything that the X.509 parser raises on hostile bytes (the library's documentation, and fuzzing).
_PARSER_ERRORS: Final = (
    ValueError,
    TypeError,
    InvalidSignature,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
MAX_CERTIFICATE: Final = 4096
# The order of P-384 (SP 800-186 §3.2.1.4).
_ORDER: Final = (
    "ffffffffffffffffffffffffffffffffffffffffffffffff"  # the upper half
    "c7634d81f4372ddf581a0db248b0a77aecec196accc52973"
)
_ECDSA_SHA384: Final = bytes.fromhex("300a06082a8648ce3d040303")  # AlgorithmIdentifier, RFC 5758 §3.2
_HALF_ORDER: Final = int(_ORDER, 16) // 2
_EXTENSIONS: Final = frozenset(
    {ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE, ExtensionOID.SUBJECT_KEY_IDENTIFIER}
)


@dataclass(frozen=True)
class Certificate:
    """A certificate of one of the three profiles, parsed; `check_*` has said which."""

    der: bytes
    thumbprint: Thumbprint
    key: VerifyKey
    name: str


@dataclass(frozen=True)
class UnitCertificate(Certificate):
    """A unit's identity whose chain ends at the pinned root."""

    serial: str
    authority: Certificate


@dataclass(frozen=True)
class Request:
    """A certification request whose proof of possession held."""

    serial: str
    key: VerifyKey
    der: bytes


# --- making -----------------------------------------------------------------------------------------------


def make_root(key: SigningKey, name: str) -> bytes:
    """The self-signed root in DER; its own ceremony makes it once."""
    subject = _name(name)
    return _issue(key, subject, subject, key.public, authority_depth=1)


def make_device_authority(root_key: SigningKey, root: bytes, public: VerifyKey, name: str) -> bytes:
    """The device authority's certificate in DER, signed by the root."""
    return _issue(root_key, _parse(root).subject, _name(name), public, authority_depth=0)


def make_request(key: SigningKey, serial: str) -> bytes:
    """A certification request in DER, signed by the key it names: the proof of possession (RFC 2986)."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(_unit_name(serial))
    return builder.sign(key.handle, hashes.SHA384()).public_bytes(serialization.Encoding.DER)


def make_unit_certificate(authority_key: SigningKey, authority: bytes, request: Request) -> bytes:
    """A unit's IDevID in DER. `request` has been read, so possession of the key was shown."""
    subject = _unit_name(request.serial)
    return _issue(authority_key, _parse(authority).subject, subject, request.key, authority_depth=None)


def read_request(der: bytes) -> Request:
    """Check a certification request: form, key, proof of possession.

    Nothing but a serial may be asked for.
    """
    if len(der) > MAX_CERTIFICATE:
        raise EncodingRefused("size", "too large for a certification request")
    try:
        request = x509.load_der_x509_csr(der)
        fits = request.is_signature_valid
        more = len(request.attributes)  # extensions are asked for in an attribute
        subject, key = request.subject, request.public_key()
    except _PARSER_ERRORS as error:
        raise ChainRefused("request", "not a certification request") from error
    if not fits:
        raise ChainRefused("possession", "the request is not signed by the key it names")
    if more or request.signature_algorithm_oid != SignatureAlgorithmOID.ECDSA_WITH_SHA384:
        raise ChainRefused("request", "asks for more than an identity")
    return Request(_serial_of(subject), _key_of(key), der)


# --- checking ---------------------------------------------------------------------------------------------


def check_root(der: bytes) -> Certificate:
    """The pinned root: self-signed, of the root's profile."""
    certificate = _parse(der)
    _check_profile(certificate, authority_depth=1)
    _check_issued(certificate, certificate)
    return _certificate(certificate, der)


def check_authority(der: bytes, root: Certificate) -> Certificate:
    """A device authority's certificate under `root`."""
    certificate = _parse(der)
    _check_profile(certificate, authority_depth=0)
    _check_issued(certificate, _parse(root.der))
    return _certificate(certificate, der)


def check_unit_chain(chain: tuple[bytes, ...], root: Certificate) -> UnitCertificate:
    """A unit's chain, leaf and device authority, up to `root`."""
    if len(chain) != 2:
        raise ChainRefused("chain-length", "a unit's chain is its certificate and the device authority's")
    authority = check_authority(chain[1], root)
    certificate = _parse(chain[0])
    _check_profile(certificate, authority_depth=None)
    _check_issued(certificate, _parse(authority.der))
    plain = _certificate(certificate, chain[0])
    serial = _serial_of(certificate.subject)
    return UnitCertificate(plain.der, plain.thumbprint, plain.key, serial, serial, authority)


# --- inside -----------------------------------------------------------------------------------------------


def _issue(
    key: SigningKey, issuer: x509.Name, subject: x509.Name, public: VerifyKey, *, authority_depth: int | None
) -> bytes:
    builder = (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(public.handle)
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2025, 1, 1, tzinfo=UTC))  # no clock is asked: identities do not expire
        .not_valid_after(NO_EXPIRY)
        .add_extension(x509.BasicConstraints(authority_depth is not None, authority_depth), critical=True)
        .add_extension(_usage(authority_depth is not None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public.handle), critical=False)
    )
    while True:  # every second signature has a low s on average
        certificate = builder.sign(key.handle, hashes.SHA384())
        if _is_low(certificate):
            return certificate.public_bytes(serialization.Encoding.DER)


def _usage(is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,  # the root signs the authority list, the device authority device records
        key_cert_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _unit_name(serial: str) -> x509.Name:
    try:
        SERIAL.load("serial", serial)
    except EncodingRefused as error:
        raise Misuse("not a serial number") from error
    return x509.Name([x509.NameAttribute(NameOID.SERIAL_NUMBER, serial)])


def _parse(der: bytes) -> x509.Certificate:
    if len(der) > MAX_CERTIFICATE:
        raise EncodingRefused("size", "too large for a certificate")
    # What cannot be of a profile never reaches the library's parser.
    if not _BEGINNING.match(der):
        raise ChainRefused("certificate", "not a certificate of this product")
    return _guard(lambda: x509.load_der_x509_certificate(der))


def _guard(read: Callable[[], _T]) -> _T:
    """Run a reading of the X.509 parser, which reads lazily, so that its errors become one of ours."""
    try:
        return read()
    except _PARSER_ERRORS as error:
        raise ChainRefused("certificate", "not a certificate") from error


def _key_of(key: object) -> VerifyKey:
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ChainRefused("signing-key", "not a key on P-384")
    return VerifyKey(key)


def _serial_of(name: x509.Name) -> str:
    attributes = list(name)
    if len(attributes) != 1 or attributes[0].oid != NameOID.SERIAL_NUMBER:
        raise ChainRefused("subject", "a unit is named by its serial number alone")
    value = attributes[0].value
    try:
        return str(SERIAL.load("serial", value))
    except EncodingRefused as error:
        raise ChainRefused("subject", "not a serial number") from error


def _certificate(certificate: x509.Certificate, der: bytes) -> Certificate:
    name = certificate.subject.rfc4514_string()
    return Certificate(der, thumbprint_of(der), _key_of(_guard(certificate.public_key)), name)


def _is_low(certificate: x509.Certificate) -> bool:
    _, s = decode_dss_signature(certificate.signature)
    return s <= _HALF_ORDER


def _is_only_text(certificate: x509.Certificate) -> bool:
    """What the signature does not cover is spelled as DER spells it, and in no other way."""
    signature = encode_dss_signature(*decode_dss_signature(certificate.signature))
    body = certificate.tbs_certificate_bytes + _ECDSA_SHA384 + _der(0x03, b"\0" + signature)
    return certificate.public_bytes(serialization.Encoding.DER) == _der(0x30, body)


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _check_profile(certificate: x509.Certificate, *, authority_depth: int | None) -> None:
    """Exactly the profile of docs/formats/identity.md §2, nothing more."""
    if certificate.version != x509.Version.v3:
        raise ChainRefused("profile", "not X.509 version 3")
    if certificate.signature_algorithm_oid != SignatureAlgorithmOID.ECDSA_WITH_SHA384:
        raise ChainRefused("profile", "not signed by ECDSA with SHA-384")
    if _guard(lambda: certificate.not_valid_after_utc) != NO_EXPIRY:
        raise ChainRefused("profile", "a device identity does not expire")
    extensions = _guard(lambda: certificate.extensions)
    if {extension.oid for extension in extensions} != _EXTENSIONS:
        raise ChainRefused("profile", "other extensions than the profile's")
    constraints = extensions.get_extension_for_class(x509.BasicConstraints)
    usage = extensions.get_extension_for_class(x509.KeyUsage)
    wanted = x509.BasicConstraints(authority_depth is not None, authority_depth)
    if constraints.value != wanted or not constraints.critical:
        raise ChainRefused("profile", "may not issue what it issued, or is no unit")
    if usage.value != _usage(authority_depth is not None) or not usage.critical:
        raise ChainRefused("profile", "key usage differs from the profile")
    if not _guard(lambda: _is_low(certificate)) or not _guard(lambda: _is_only_text(certificate)):
        raise ChainRefused("profile", "a second text of this certificate")


def _check_issued(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    try:
        certificate.verify_directly_issued_by(issuer)
    except _PARSER_ERRORS as error:
        raise ChainRefused("not-issued", "not issued under the pinned root") from error
