"""What rooms above want to know of uploads. Called inside the transaction that completed the upload."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from audit.actor import Actor

if TYPE_CHECKING:
    from appliance.content.models import Upload

    Completed = Callable[[Upload, Actor], object]

_completed: list[Completed] = []


def on_complete(call: Completed) -> None:
    """Register once, in an AppConfig's `ready`."""
    if call not in _completed:
        _completed.append(call)


def completed(upload: Upload, actor: Actor) -> None:
    for call in _completed:
        call(upload, actor)
