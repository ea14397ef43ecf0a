"""What the key process tells about keys: everything but the keys."""

from __future__ import annotations

from typing import Any

from sealing.jose import digest
from sealing.keyring import KeyRecord, Transition


def epoch_info(key: KeyRecord) -> dict[str, Any]:
    """A key as `appliance.keys.client.EpochInfo` has it."""
    return {
        "key_id": key.key_id,
        "epoch": key.epoch,
        "kind": key.kind,
        "origin": key.origin,
        "state": key.state.value,
        "commitment": key.commitment,
        "created": key.created,
        "data_key_id": key.data_key_id,
        "value_digests": [digest(text) for text in key.values],
        "receipts": len(key.receipts),
        "downloaded": key.downloaded,
        "durable": key.durable,
        "proof": None
        if key.proof is None
        else {
            "how": key.proof.how,
            "at": key.proof.at,
            "by": list(key.proof.by),
            "detail": key.proof.detail,
        },
        "source": key.source,
    }


def transition_info(item: Transition) -> dict[str, Any]:
    """An arrow as `appliance.keys.client.TransitionInfo` has it."""
    return {
        "key_id": item.key_id,
        "old": item.old,
        "new": item.new.value,
        "who": item.who,
        "why": item.why,
        "at": item.at,
    }
