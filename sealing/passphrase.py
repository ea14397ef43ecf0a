"""Private keys under a passphrase: key files (docs/formats/key-file.md).

One JSON format with two derivations. `pbkdf2` (HMAC-SHA256, 600,000 rounds or more) is for approvers' files,
because a browser's Web Crypto has no other; `argon2id` is for ceremony keys, which only this code opens. The
sealed part is AES-256-GCM with every other member as associated data. A wrong passphrase and damage are one
refusal.
"""

from __future__ import annotations

import secrets
import unicodedata
from dataclasses import dataclass
from typing import Annotated, Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from .aead import NONCE_BYTES, TAG_BYTES, Aead
from .claims import Claims, KeyThumbprint, Name, integer, nested, octets, one_of
from .ecdsa import SUITE_ES384, SigningKey
from .encoding import B64u, JsonObject, b64u, canonical_json, from_b64u, from_canonical_json, thumbprint_of
from .errors import EncodingRefused, HeaderRefused, Misuse, SealRefused
from .hpke import SUITE_HYBRID, KemPrivateKey
from .labels import TYP_KEY_FILE
from .oaep import SUITE_OAEP, OaepPrivateKey
from .secret import KemSeed, Key256, SecretBytes

MIN_PASSPHRASE: Final = 12  # characters
PBKDF2_ROUNDS: Final = 600_000  # OWASP's floor for HMAC-SHA256
PBKDF2_MOST: Final = 10_000_000  # a hostile file must not hang its reader
ARGON2_MEMORY_KIB: Final = 64 * 1024  # RFC 9106 §4, second recommended option
ARGON2_PASSES: Final = 3
ARGON2_LANES: Final = 4
ARGON2_MOST_KIB: Final = 1024 * 1024
MAX_FILE: Final = 16 * 1024

PrivateKey = SigningKey | KemPrivateKey | OaepPrivateKey


class Passphrase(SecretBytes):
    """A passphrase: NFC, UTF-8, so that one typed on any keyboard gives the same bytes."""

    __slots__ = ()

    @classmethod
    def of(cls, text: str) -> Passphrase:
        """From what a person typed; surrounding line breaks (of a file) do not count."""
        return cls(unicodedata.normalize("NFC", text.strip("\r\n")).encode())


class WeakPassphrase(EncodingRefused):
    """Too short to protect a key."""


@dataclass(frozen=True, kw_only=True)
class Derivation(Claims):
    """How the passphrase becomes a key. Memory and lanes are 0 with PBKDF2."""

    name: Annotated[str, one_of("pbkdf2-hmac-sha256", "argon2id")]
    iterations: Annotated[int, integer(1, PBKDF2_MOST)]
    memory_kib: Annotated[int, integer(0, ARGON2_MOST_KIB)]
    lanes: Annotated[int, integer(0, 16)]
    salt: Annotated[B64u, octets(32)]


@dataclass(frozen=True, kw_only=True)
class KeyFile(Claims):
    """A key file's members. `use` says whose: a person's, or which ceremony key's."""

    typ: Annotated[str, one_of(TYP_KEY_FILE)]
    use: Annotated[str, one_of("approver", "root", "device-authority", "front-desk", "custody", "escrow")]
    name: Name
    suite: Annotated[str, one_of(SUITE_ES384, SUITE_HYBRID, SUITE_OAEP)]
    kid: KeyThumbprint
    public: Annotated[B64u, octets(97, 2048)]
    derivation: Annotated[Derivation, nested(Derivation)]
    cipher: Annotated[str, one_of("aes-256-gcm")]
    nonce: Annotated[B64u, octets(NONCE_BYTES)]
    sealed: Annotated[B64u, octets(32 + TAG_BYTES, 4096)]

    def associated_data(self) -> bytes:
        """Canonical JSON of every member but `sealed`."""
        return canonical_json({name: value for name, value in self.to_json().items() if name != "sealed"})


def seal_key(key: PrivateKey, passphrase: Passphrase, *, use: str, name: str) -> str:
    """A key file's text.

    Approvers' files take PBKDF2 so that a browser can open them, all others Argon2id.
    """
    if len(passphrase.reveal().decode()) < MIN_PASSPHRASE:
        raise WeakPassphrase("passphrase", f"shorter than {MIN_PASSPHRASE} characters")
    suite, secret = _to_secret(key)
    salt = b64u(secrets.token_bytes(32))
    if use == "approver":
        derivation = Derivation(
            name="pbkdf2-hmac-sha256", iterations=PBKDF2_ROUNDS, memory_kib=0, lanes=0, salt=salt
        )
    else:
        derivation = Derivation(
            name="argon2id",
            iterations=ARGON2_PASSES,
            memory_kib=ARGON2_MEMORY_KIB,
            lanes=ARGON2_LANES,
            salt=salt,
        )
    nonce = secrets.token_bytes(NONCE_BYTES)  # random, and the key is fresh with the salt
    members: dict[str, Any] = {
        "typ": TYP_KEY_FILE,
        "use": use,
        "name": name,
        "suite": suite,
        "kid": key.public.thumbprint,
        "public": b64u(key.public.raw),
        "derivation": derivation,
        "cipher": "aes-256-gcm",
        "nonce": b64u(nonce),
    }
    clear: JsonObject = {**members, "derivation": derivation.to_json()}
    sealed = Aead(_derive(passphrase, derivation)).seal(nonce, secret.reveal(), canonical_json(clear))
    return canonical_json(KeyFile(**members, sealed=b64u(sealed)).to_json()).decode() + "\n"


def read_key_file(text: str) -> KeyFile:
    """The public part of a key file, for showing and for putting a person on a roster. Nothing is opened."""
    if len(text) > MAX_FILE:
        raise EncodingRefused("size", "too large for a key file")
    value = from_canonical_json(text.removesuffix("\n").removesuffix("\r").encode())
    if value.get("typ") != TYP_KEY_FILE:
        raise HeaderRefused("type", "not a key file")
    file = KeyFile.from_json(value)
    if file.kid != thumbprint_of(from_b64u(file.public)):
        raise EncodingRefused("member", "kid: another key's", member="kid")
    _check_derivation(file.derivation)
    return file


def open_key(text: str, passphrase: Passphrase, *, use: str) -> PrivateKey:
    """The private key for `use`. Wrong passphrase, damage or a swapped public half: `SealRefused`."""
    file = read_key_file(text)
    if file.use != use:
        raise HeaderRefused("use", "a key file for another use", wanted=use, found=file.use)
    key256 = _derive(passphrase, file.derivation)
    clear = Aead(key256).open(from_b64u(file.nonce), from_b64u(file.sealed), file.associated_data())
    key = _from_secret(file.suite, SecretBytes(clear))
    if key.public.thumbprint != file.kid:
        raise SealRefused("does-not-open", "wrong key or altered")
    return key


def open_signing_key(text: str, passphrase: Passphrase, *, use: str) -> SigningKey:
    """As `open_key`, for a use whose key signs."""
    key = open_key(text, passphrase, use=use)
    if not isinstance(key, SigningKey):
        raise HeaderRefused("suite", "not a signing key")
    return key


def _check_derivation(derivation: Derivation) -> None:
    """Bounds both ways: too cheap protects nothing, too dear hangs the reader."""
    cost = (derivation.iterations, derivation.memory_kib, derivation.lanes)
    if derivation.name == "pbkdf2-hmac-sha256":
        sound = cost[0] >= PBKDF2_ROUNDS and cost[1:] == (0, 0)
    else:
        sound = ARGON2_PASSES <= cost[0] <= 16 and cost[1] >= ARGON2_MEMORY_KIB and cost[2] >= 1
    if not sound:
        raise HeaderRefused("derivation", "cost outside what this format allows")


def _derive(passphrase: Passphrase, derivation: Derivation) -> Key256:
    salt = from_b64u(derivation.salt)
    if derivation.name == "argon2id":
        argon2 = Argon2id(
            salt=salt,
            length=32,
            iterations=derivation.iterations,
            lanes=derivation.lanes,
            memory_cost=derivation.memory_kib,
        )
        return Key256(argon2.derive(passphrase.reveal()))
    pbkdf2 = PBKDF2HMAC(algorithm=hashes.SHA256(), length=32, salt=salt, iterations=derivation.iterations)
    return Key256(pbkdf2.derive(passphrase.reveal()))


def _to_secret(key: PrivateKey) -> tuple[str, SecretBytes]:
    match key:
        case SigningKey():
            return SUITE_ES384, key.to_secret()
        case KemPrivateKey():
            return SUITE_HYBRID, key.seed()
        case OaepPrivateKey():
            return SUITE_OAEP, key.to_secret()
    raise Misuse("not a private key of this product")


def _from_secret(suite: str, secret: SecretBytes) -> PrivateKey:
    try:
        match suite:
            case "es384":
                return SigningKey.from_secret(secret)
            case "rsa-oaep-sha256":
                return OaepPrivateKey.from_secret(secret)
            case _:
                return KemPrivateKey(KemSeed(secret.reveal()))
    except Misuse as error:  # authenticated, yet of the wrong length: made by something else than this code
        raise SealRefused("does-not-open", "wrong key or altered") from error
