"""What other rooms want to hear from the backup room's engine; called in the worker, after commit.

Rooms above this one cannot be imported from here; they register when their own `tasks` are loaded.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

Verified = Callable[[uuid.UUID], None]  # id of an image of which every chunk was just opened

_on_verified: list[Verified] = []


def on_verified(call: Verified) -> Verified:
    """Register; each callable once."""
    if call not in _on_verified:
        _on_verified.append(call)
    return call


def tell_verified(image: uuid.UUID) -> None:
    for call in _on_verified:
        call(image)
