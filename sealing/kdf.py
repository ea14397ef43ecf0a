"""HKDF and HMAC with versioned labels (docs/formats/README.md §6). SHA-256 throughout.

`info` of HKDF and the message of HMAC are `label ‖ NUL ‖ parts`, each part behind its 4-byte length, so that
no two lists of parts give the same bytes.
"""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .errors import Misuse
from .labels import Label
from .secret import SecretBytes

MAC_BYTES = 32  # of HMAC-SHA256


def framed(label: Label, *parts: bytes) -> bytes:
    """`label ‖ NUL ‖ (length ‖ part)…`, lengths as 4 bytes big-endian."""
    if not label.isascii() or not label or 0 in label:
        raise Misuse("a label is ASCII without NUL")
    return label + b"\0" + b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def derive(
    key: SecretBytes, label: Label, *context: bytes, salt: bytes | None = None, length: int = 32
) -> bytes:
    """HKDF-SHA256 (RFC 5869) of a uniformly random `key`.

    `salt` may be absent because the input is a uniform key already (RFC 5869 §3.3); the label separates uses.
    """
    if len(key) < 32:
        raise Misuse("derive from keys of 32 bytes or more; passphrases go through passphrase.py")
    hkdf = HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=framed(label, *context))
    return hkdf.derive(key.reveal())


def mac(key: SecretBytes, label: Label, *parts: bytes) -> bytes:
    """HMAC-SHA256 over the framed parts: 32 bytes. Compare with `secret.same`."""
    h = hmac.HMAC(key.reveal(), hashes.SHA256())
    h.update(framed(label, *parts))
    return h.finalize()
