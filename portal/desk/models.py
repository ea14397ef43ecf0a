"""The one thing the desk's pages keep themselves: a ticket that is still being filled in."""

from __future__ import annotations

from django.db import models

from ground.db.models import BaseModel


class TicketDraft(BaseModel):
    """What a contact entered in the ticket wizard so far; survives a reload, a sign-out and a sign-in.

    At most one for each person. It holds values, which are identifiers and not credentials, and goes
    when the ticket is opened or the draft thrown away.
    """

    user_id = models.UUIDField(unique=True)
    unit_id = models.UUIDField(null=True, blank=True)
    ended = models.CharField(max_length=10, blank=True)
    story = models.TextField(blank=True)
    text = models.TextField(blank=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-changed_at"]

    def __str__(self) -> str:
        return f"draft {self.pk}"
