"""Where the database backend gets its key: 32 raw bytes, asked for at each connection, kept nowhere."""

from __future__ import annotations

import hashlib
import hmac

from config.site import site

LABEL = b"strongroom/database/v1"  # see docs/architecture.md, "Roles, sites and processes"


def database_key() -> bytes:
    """The page key of the SQLCipher file, derived from the database slot's root secret."""
    return hmac.digest(site().database_key(), LABEL, hashlib.sha256)
