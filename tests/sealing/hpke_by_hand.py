"""HPKE's receiving side for 0x647a and SHAKE256, written from the drafts alone, for the tests.

draft-connolly-cfrg-xwing-kem §5 (KEM), draft-ietf-hpke-hpke §5 with a one-stage KDF (key schedule). Each step
is compared with the published vectors before it is used to open anything of ours.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import mlkem, x25519

KEM, SHAKE256, AES_256_GCM, CHACHA20_POLY1305 = 0x647A, 0x0011, 0x0002, 0x0003
XWING_LABEL = rb"\.//^" + b"\\"


@dataclass(frozen=True)
class Schedule:
    key: bytes
    base_nonce: bytes
    exporter_secret: bytes


def key_pair(seed: bytes) -> tuple[mlkem.MLKEM768PrivateKey, x25519.X25519PrivateKey]:
    """Seed to both private keys."""
    expanded = hashlib.shake_256(seed).digest(96)
    return (
        mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:64]),
        x25519.X25519PrivateKey.from_private_bytes(expanded[64:]),
    )


def decapsulate(enc: bytes, seed: bytes) -> bytes:
    """The KEM's shared secret."""
    ml, x = key_pair(seed)
    share = enc[1088:]
    secret_ml = ml.decapsulate(enc[:1088])
    secret_x = x.exchange(x25519.X25519PublicKey.from_public_bytes(share))
    own = x.public_key().public_bytes_raw()
    return hashlib.sha3_256(secret_ml + secret_x + share + own + XWING_LABEL).digest()


def schedule(shared_secret: bytes, info: bytes, aead: int) -> Schedule:
    """Base mode."""
    suite = b"HPKE" + b"".join(number.to_bytes(2, "big") for number in (KEM, SHAKE256, aead))
    secrets = _prefixed(b"") + _prefixed(shared_secret)
    context = b"\0" + _prefixed(b"") + _prefixed(info)
    length = 32 + 12 + 64
    labeled = secrets + b"HPKE-v1" + suite + _prefixed(b"secret") + length.to_bytes(2, "big") + context
    derived = hashlib.shake_256(labeled).digest(length)
    return Schedule(derived[:32], derived[32:44], derived[44:])


def _prefixed(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data
