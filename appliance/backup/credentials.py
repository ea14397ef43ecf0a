"""A target's credentials on their way from a person to the engine: JSON, sealed at once for one row."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Final

from appliance.unit.secrets import seal_secret

FIELD: Final = "appliance_backup.BackupTarget.credentials"


def seal_credentials(row: uuid.UUID, credentials: Mapping[str, str]) -> str:
    """The text that is stored; empty for a target without credentials."""
    if not credentials:
        return ""
    return seal_secret(FIELD, row, json.dumps(dict(credentials), sort_keys=True).encode())
