"""Seal a small secret or record under a symmetric key, committing to the key (docs/formats/README.md §7).

`salt(32) ‖ commitment(32) ‖ AES-256-GCM ciphertext ‖ tag`. Key and commitment come from one HKDF each over
the fresh random salt, so every seal has its own key and the zero nonce is used exactly once under it: no
counters to store, nothing to repeat after a snapshot or a clone. The commitment is checked first: a wrong key
gives `CommitmentRefused`, damage to what was sealed gives `SealRefused`.
"""

from __future__ import annotations

import secrets
from typing import Final

from .aead import TAG_BYTES, ZERO_NONCE, Aead
from .errors import CommitmentRefused, SealRefused
from .kdf import derive, framed
from .labels import ENVELOPE_COMMIT, ENVELOPE_KEY, Label
from .secret import Key256, SecretBytes, same

SALT_BYTES: Final = 32
COMMITMENT_BYTES: Final = 32
OVERHEAD_BYTES: Final = SALT_BYTES + COMMITMENT_BYTES + TAG_BYTES


def seal_under(key: SecretBytes, label: Label, plaintext: bytes, *aad: bytes) -> bytes:
    """Seal `plaintext` for the purpose `label`; `aad` parts must be repeated to open."""
    salt = secrets.token_bytes(SALT_BYTES)
    one_time, commitment = _keys(key, label, salt)
    return salt + commitment + Aead(one_time).seal(ZERO_NONCE, plaintext, framed(label, *aad))


def open_under(key: SecretBytes, label: Label, sealed: bytes, *aad: bytes) -> bytes:
    """The plaintext. `CommitmentRefused`: another key. `SealRefused`: altered, or other `aad`."""
    if len(sealed) < OVERHEAD_BYTES:
        raise SealRefused("does-not-open", "wrong key or altered")
    salt, commitment = sealed[:SALT_BYTES], sealed[SALT_BYTES : SALT_BYTES + COMMITMENT_BYTES]
    one_time, expected = _keys(key, label, salt)
    if not same(commitment, expected):
        raise CommitmentRefused("another-key", "sealed under another key")
    return Aead(one_time).open(ZERO_NONCE, sealed[SALT_BYTES + COMMITMENT_BYTES :], framed(label, *aad))


def _keys(key: SecretBytes, label: Label, salt: bytes) -> tuple[Key256, bytes]:
    return (
        Key256(derive(key, ENVELOPE_KEY, label, salt=salt)),
        derive(key, ENVELOPE_COMMIT, label, salt=salt),
    )
