"""Opening what the web tier sealed for the engine, through the key process (`appliance.unit.secrets`)."""

from __future__ import annotations

import uuid

from appliance.keys.client import KeyProcess
from appliance.keys.engine.process import key_process
from appliance.keys.errors import SecretDoesNotOpen
from sealing.enginesecret import open_sealed
from sealing.errors import Refused
from sealing.hpke import KemPrivateKey


class Opener:
    """Opens sealed fields of rows; asks the key process once."""

    def __init__(self, keys: KeyProcess | None = None) -> None:
        self._keys = keys
        self._private: KemPrivateKey | None = None

    def open(self, field: str, row: uuid.UUID | str, sealed: str) -> bytes:
        """The secret of a field of a row; `SecretDoesNotOpen` if it is not this unit's or not that row's."""
        if self._private is None:
            self._private = KemPrivateKey((self._keys or key_process()).data_keys().spool_private)
        try:
            return open_sealed(self._private, field, str(row), sealed)
        except Refused as error:
            raise SecretDoesNotOpen(field=field, reason=error.reason) from error
