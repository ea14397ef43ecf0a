"""Refusals inside pages: kept in the event log, shown where the person is, never swallowed."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest

from accounts.errors import FreshSignInNeeded
from ground.refusals import Forbidden, Refusal


@dataclass
class Outcome:
    """What became of an attempted action: `refusal` is None when it went through."""

    refusal: Refusal | None = None
    event_id: str = ""

    @property
    def ok(self) -> bool:
        return self.refusal is None


def status_of(refusal: Refusal) -> int:
    """HTTP status by the one table of `ground.rest.problems`."""
    from ground.rest.problems import STATUS

    return STATUS[refusal.kind]


def note_refusal(request: HttpRequest, refusal: Refusal) -> str:
    """Record the refusal as an event of the person and return the event's id."""
    from accounts.permissions import actor_of
    from audit.log import record

    with transaction.atomic():
        event = record(
            "portal.refused",
            actor=actor_of(request),
            subject=request.path[:200],
            facts={"code": refusal.code, "title": refusal.title},
            outcome="refused",
        )
    return str(event.id)


def words_of(refusal: Refusal) -> tuple[str, str]:
    """Title and next step; where the desk refused, its own words, which say more than ours about it."""
    facts = refusal.facts
    return (
        str(facts.get("desk_title") or refusal.title),
        str(facts.get("desk_next_step") or refusal.next_step),
    )


class attempt:  # reads as the statement it is: `with attempt(request, "Done."):`
    """Run an action: a refusal is recorded, told as a message and left in the outcome; else `done` is told.

    With ``tell=False`` the page shows the refusal itself, where it belongs.

    Nothing is swallowed but refusals that are about what was tried: `Missing`, `Forbidden` and the demand for
    a fresh sign-in go up to the middleware.
    """

    def __init__(self, request: HttpRequest, done: str = "", *, tell: bool = True) -> None:
        self.request = request
        self.done = done
        self.tell = tell
        self.outcome = Outcome()

    def __enter__(self) -> Outcome:
        return self.outcome

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if error is None:
            if self.done:
                messages.success(self.request, self.done)
            return False
        if not isinstance(error, Refusal) or error.kind == "missing":
            return False
        if isinstance(error, Forbidden | FreshSignInNeeded):
            return False
        self.outcome.refusal = error
        self.outcome.event_id = note_refusal(self.request, error)
        if self.tell:
            title, next_step = words_of(error)
            tags = f"code:{error.code} event:{self.outcome.event_id}"
            messages.error(self.request, f"{title} {next_step}".strip(), extra_tags=tags)
        return True
