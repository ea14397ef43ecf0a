"""Reading the event log."""

from __future__ import annotations

from django.db.models import QuerySet

from audit.models import Event


def events() -> QuerySet[Event]:
    """All events, newest first."""
    return Event.objects.select_related("chain").order_by("-at", "-sequence")
