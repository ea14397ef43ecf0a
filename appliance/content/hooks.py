"""What rooms above want to know of uploads, and what they are asked about them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from audit.actor import Actor

if TYPE_CHECKING:
    from appliance.content.models import Upload

    Completed = Callable[[Upload, Actor], object]
    Needed = Callable[[Upload], bool]

_completed: list[Completed] = []
_needed: list[Needed] = []


def on_complete(call: Completed) -> None:
    """Be told inside the transaction that completed an upload. Register in an AppConfig's `ready`."""
    if call not in _completed:
        _completed.append(call)


def completed(upload: Upload, actor: Actor) -> None:
    for call in _completed:
        call(upload, actor)


def on_ask_needed(call: Needed) -> None:
    """Be asked whether something still waits for an upload. Register in an AppConfig's `ready`."""
    if call not in _needed:
        _needed.append(call)


def is_needed(upload: Upload) -> bool:
    """Whether any room still waits for this upload's content."""
    return any(call(upload) for call in _needed)
