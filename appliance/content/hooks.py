"""What rooms above want to know of uploads, and what they are asked about uploads and the store's content."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
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


# ---- the store ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Keeper:
    """A place outside that holds packs of this store and will be sent new ones."""

    name: str
    lets_go: bool  # of what it holds, older packs go some day by themselves


_live: list[Callable[[], Iterable[str]]] = []
_holds: list[Callable[[], Iterable[str]]] = []
_keepers: list[Callable[[], Iterable[Keeper]]] = []


def on_ask_live(call: Callable[[], Iterable[str]]) -> None:
    """Be asked which recipes a room needs; whatever nobody names may be collected. Register in `ready`."""
    if call not in _live:
        _live.append(call)


def live_recipes() -> set[str]:
    """Recipes of everything that any room needs."""
    if not _live:
        raise AssertionError("nobody says what is needed: everything would be garbage")
    return {recipe for call in _live for recipe in call()}


def on_ask_holds(call: Callable[[], Iterable[str]]) -> None:
    """Be asked why no pack may be removed just now, in words for people. Register in `ready`."""
    if call not in _holds:
        _holds.append(call)


def holds() -> list[str]:
    """Reasons to remove no pack now; none: it may be done."""
    return [why for call in _holds for why in call()]


def on_ask_keepers(call: Callable[[], Iterable[Keeper]]) -> None:
    """Be asked who would be sent what is sealed anew. Register in `ready`."""
    if call not in _keepers:
        _keepers.append(call)


def keepers() -> list[Keeper]:
    """Places that hold packs of this store, by name."""
    return sorted((keeper for call in _keepers for keeper in call()), key=lambda keeper: keeper.name)
