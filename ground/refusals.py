"""Refusals: what the system says when it will not do something.

A refusal carries a permanent code (dotted, never renamed once released), facts about this one case,
and the next step a person can take. Pages, REST and the command line all show the same four things.
The HTTP status is not chosen here: `ground.rest.problems` maps `kind` to it in one table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, get_args

Kind = Literal[
    "invalid",
    "unauthenticated",
    "forbidden",
    "missing",
    "conflict",
    "stale",
    "too-large",
    "limited",
    "unavailable",
]
KINDS: frozenset[str] = frozenset(get_args(Kind))


class Refusal(Exception):
    """Root of every refusal; a room declares its own in `errors.py`, one class for each code.

    ``Refused(key_id="…", epoch=3)`` puts the keywords into `facts`. Facts are shown to people and
    written to logs and job rows: they are JSON values, and never hold a secret.
    """

    code: ClassVar[str] = "ground.refused"
    kind: ClassVar[Kind] = "invalid"
    title: ClassVar[str] = "This was refused."
    next_step: ClassVar[str] = ""

    facts: dict[str, Any]

    def __init__(self, /, **facts: Any) -> None:
        self.facts = facts
        super().__init__(self.code)

    def __str__(self) -> str:
        shown = ", ".join(f"{name}={value}" for name, value in self.facts.items())
        return f"{self.code}: {self.title}" + (f" ({shown})" if shown else "")

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.facts))

    def as_dict(self) -> dict[str, Any]:
        """Code, kind, title, facts and next step as JSON values: for job rows and audit facts."""
        return {
            "code": self.code,
            "kind": self.kind,
            "title": self.title,
            "facts": self.facts,
            "next_step": self.next_step,
        }


def _rebuild(cls: type[Refusal], facts: Mapping[str, Any]) -> Refusal:
    return cls(**facts)


class Invalid(Refusal):
    """Input that cannot be right whatever the state of the system; facts name the fields."""

    code = "ground.invalid"
    kind = "invalid"
    title = "The input is not valid."
    next_step = "Correct the fields named and send it again."


class Missing(Refusal):
    """The thing is not there, or not there for this person: the two are not told apart."""

    code = "ground.missing"
    kind = "missing"
    title = "There is no such thing here."
    next_step = "Check the address, or list what is there."


class Forbidden(Refusal):
    """The person is known but may not do this."""

    code = "ground.forbidden"
    kind = "forbidden"
    title = "Your roles do not allow this."
    next_step = "Ask an administrator for the role, or ask someone who has it."


class Unauthenticated(Refusal):
    """Nobody is signed in, or the credential is no longer good."""

    code = "ground.unauthenticated"
    kind = "unauthenticated"
    title = "Sign in first."
    next_step = "Sign in, or send a valid token."


class Stale(Refusal):
    """A compare-and-swap lost: someone else moved the thing first."""

    code = "ground.stale"
    kind = "stale"
    title = "This changed while you were looking at it."
    next_step = "Load it again and decide on what it shows now."


class TooLarge(Refusal):
    """A body, list or text over its limit."""

    code = "ground.too-large"
    kind = "too-large"
    title = "This is larger than is accepted here."
    next_step = "Send less; content goes by the upload protocol."


class Limited(Refusal):
    """Too many attempts; `retry_after` in facts says how many seconds to wait."""

    code = "ground.limited"
    kind = "limited"
    title = "Too many attempts."
    next_step = "Wait before trying again."


class Unavailable(Refusal):
    """Something this needs is not to be reached now; the same request may succeed later."""

    code = "ground.unavailable"
    kind = "unavailable"
    title = "Something this needs cannot be reached now."
    next_step = "Try again in a moment; if it stays so, look at the readiness page."


def all_refusals() -> list[type[Refusal]]:
    """Every declared refusal class of the modules loaded so far, for the documentation and the tests."""
    found: list[type[Refusal]] = []
    todo: list[type[Refusal]] = [Refusal]
    while todo:
        for child in todo.pop().__subclasses__():
            found.append(child)
            todo.append(child)
    return sorted(found, key=lambda refusal: refusal.code)
