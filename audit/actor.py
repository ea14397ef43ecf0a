"""Who did it, as text: an event outlives the person, the unit and the row that named them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

ActorKind = Literal["user", "unit", "system", "command"]


@dataclass(frozen=True)
class Actor:
    """`kind` user, unit, system or command; `id` identifies, `name` is shown."""

    kind: ActorKind
    id: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

    @classmethod
    def user(cls, user: Any) -> Actor:
        """The actor of an account (any object with `pk` and `get_username()`)."""
        return cls("user", str(user.pk), user.get_username())

    @classmethod
    def unit(cls, serial: str) -> Actor:
        return cls("unit", serial, serial)

    @classmethod
    def system(cls, name: str) -> Actor:
        """A part of the system acting by itself: the sweeper, the poller, a schedule."""
        return cls("system", name, name)

    @classmethod
    def command(cls, name: str) -> Actor:
        """A management command, run by whoever has a shell on the machine."""
        return cls("command", name, name)

    def as_dict(self) -> dict[str, str]:
        return {"kind": self.kind, "id": self.id, "name": self.name}

    @classmethod
    def from_dict(cls, data: dict[str, str]) -> Actor:
        return cls(data["kind"], data["id"], data["name"])  # type: ignore[arg-type]  # stored by as_dict
