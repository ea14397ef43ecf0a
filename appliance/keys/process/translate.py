"""From what `sealing` refuses to what this room says."""

from __future__ import annotations

from typing import Final

from appliance.keys import errors
from sealing.errors import Refused, SealingError
from sealing.vault import VaultGone

_BY_CODE: Final[dict[str, type[errors.KeyRefusal]]] = {
    "keyring.unknown-key": errors.UnknownKey,
    "keyring.destroyed": errors.KeyDestroyed,
    "keyring.rotation-under-way": errors.RotationUnderWay,
    "keyring.value-not-durable": errors.ValueNotDurable,
    "keyring.value-not-proven": errors.ValueNotProven,
    "keyring.no-such-arrow": errors.NoSuchTransition,
    "keyring.imported-key": errors.NoSuchTransition,
    "keyring.nonce-consumed": errors.Replayed,
    "keyring.nonce-unknown": errors.NotAskedFor,
}


def refusal_for(error: SealingError) -> errors.KeyRefusal:
    """The refusal that tells a person; the layer's own code stays in `reason`."""
    if isinstance(error, VaultGone):
        return errors.Tampered()
    if not isinstance(error, Refused):
        return errors.DocumentRefused(reason=type(error).__name__)
    refusal = _BY_CODE.get(error.code, errors.DocumentRefused)
    return refusal(**{**error.facts, "reason": error.code})
