"""Credentials that people give and only the engine uses: sealed here at once, never to be read again.

The web tier has the engine's public key alone: what it seals it cannot open, and no page, answer, log or job
row ever shows more than the fingerprint of the sealed text. A field that holds such text is named `sealed` in
the room's portable declarations: it is opened into the sealed database stream of a backup and sealed again
to the unit that restores it. The other half is `appliance.keys.engine.secrets`.
"""

from __future__ import annotations

import hashlib
import uuid

from appliance.unit.selectors import unit
from ground.refusals import Forbidden
from sealing.encoding import from_b64u
from sealing.enginesecret import seal
from sealing.hpke import KemPublicKey


def seal_secret(field: str, row: uuid.UUID | str, secret: bytes) -> str:
    """The secret, sealed for one field ("app_label.Model.field") of one row; text to be stored there."""
    found = unit()
    if found.state in ("tampered", "retired"):
        raise Forbidden()
    return seal(KemPublicKey.from_bytes(from_b64u(found.spool_public_key)), field, str(row), secret)


def fingerprint_of(sealed: str) -> str:
    """What may be shown of a sealed secret: it changes when the secret is set, and says nothing about it."""
    return hashlib.sha256(sealed.encode()).hexdigest()[:16] if sealed else ""
