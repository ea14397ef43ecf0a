"""Refusals inside pages: kept in the event log, shown where the person is, never swallowed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

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
    value: Any = None
    facts: dict[str, Any] = field(default_factory=dict)

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


@contextlib.contextmanager
def attempt(request: HttpRequest, done: str = "") -> Iterator[Outcome]:
    """Run an action: a refusal is recorded, told as a message and left in the outcome; else `done` is told."""
    outcome = Outcome()
    try:
        yield outcome
    except Refusal as refusal:
        if refusal.kind == "missing" or isinstance(refusal, Forbidden | FreshSignInNeeded):
            raise
        outcome.refusal = refusal
        outcome.event_id = note_refusal(request, refusal)
        outcome.facts = refusal.facts
        text = refusal.title + (f" {refusal.next_step}" if refusal.next_step else "")
        messages.error(request, text, extra_tags=f"code:{refusal.code} event:{outcome.event_id}")
    else:
        if done:
            messages.success(request, done)
