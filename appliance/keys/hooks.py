"""Who wants to know that a key became active: called in the worker, after everything is durable."""

from __future__ import annotations

import logging
from collections.abc import Callable

log = logging.getLogger(__name__)
Listener = Callable[[str, int], None]

_listeners: list[Listener] = []


def on_activation(listener: Listener) -> Listener:
    """Register `listener(key_id, epoch)`; usable as a decorator. It may be called again for the same key."""
    if listener not in _listeners:
        _listeners.append(listener)
    return listener


def announce_activation(key_id: str, epoch: int) -> None:
    """Tell everybody; one that fails does not keep the others from hearing, nor undo the activation."""
    for listener in _listeners:
        try:
            listener(key_id, epoch)
        except Exception:  # the key is active whatever a listener makes of it; it will look again by itself
            log.exception("a listener to activations failed")
