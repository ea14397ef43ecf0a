"""The one-time release code: 60 bits in Crockford's base32, in three groups a person can read out."""

from __future__ import annotations

import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
GROUPS, GROUP = 3, 4
MAX_ATTEMPTS = 5  # wrong codes before a new one has to be mailed
_READ_AS = str.maketrans("OIL", "011")


def new_code() -> str:
    """For instance ``7M2K-Q0XC-H9RT``."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP)) for _ in range(GROUPS))


def normal_code(text: str) -> str:
    """What a person typed, as one text: upper case, without separators, look-alikes read as digits."""
    return "".join(text.upper().split()).replace("-", "").translate(_READ_AS)
