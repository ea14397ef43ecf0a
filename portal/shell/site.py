"""What one side tells the layout about itself: who it is, and where one can go.

The layout knows neither side. Each side's app registers a `Side` when it is loaded; one process has one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from django.http import HttpRequest

from portal.shell.request import PageRequest


@dataclass(frozen=True)
class NavItem:
    label: str
    url_name: str
    icon: str
    roles: tuple[str, ...] = ()
    words: str = ""
    """Other words a person might type into the finder for this page."""

    def seen_by(self, roles: set[str]) -> bool:
        return not self.roles or bool(roles & set(self.roles))


@dataclass(frozen=True)
class NavGroup:
    label: str
    items: tuple[NavItem, ...]


@dataclass(frozen=True)
class Identity:
    """Whose page this is: shown in the top left corner of each page and on the sign-in page."""

    name: str
    line: str
    state: str = ""
    tone: str = "idle"
    note: str = ""


@dataclass(frozen=True)
class Hit:
    """One result of the finder."""

    label: str
    url: str
    icon: str
    kind: str


@dataclass(frozen=True)
class Side:
    groups: tuple[NavGroup, ...]
    identity: Callable[[HttpRequest], Identity]
    find: Callable[[PageRequest, str], Sequence[Hit]]
    counts: Callable[[PageRequest], dict[str, tuple[int, str]]] = field(default=lambda _request: {})
    """Numbers beside navigation entries, by url name: (count, tone)."""
    customers: Callable[[PageRequest], list[tuple[str, str]] | None] = field(default=lambda _request: None)
    """Customers an account may be tied to, as (id, name); None where there is no such thing."""

    finder: str = ""
    """Name of the page that takes a pasted text by POST (field `text`) and says what it is."""
    unread: Callable[[PageRequest], int | None] = field(default=lambda _request: None)
    """How many notices this person has not read, for the bell; None where there is no bell for them."""
    notices: str = ""
    """Name of the page behind the bell."""
    door: Callable[[], str] = field(default=lambda: "")
    """Who signs in here, in a sentence, for the page where one does: three sites look alike from outside."""


_side: Side | None = None


def register(side: Side) -> None:
    global _side  # one process serves one side
    _side = side


def current() -> Side:
    if _side is None:
        return Side(groups=(), identity=lambda _request: Identity("Strongroom", ""), find=lambda *_: ())
    return _side
