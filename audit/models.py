"""Events: what was done, by whom, when. Append-only, each bound to the one before by a digest.

The database refuses UPDATE and DELETE on both tables by triggers (see `audit.triggers`), so that code
of ours cannot do it by mistake; that someone with the database's own tools did it shows in the chain.
"""

from __future__ import annotations

import json
import uuid

from django.db import models


class Chain(models.Model):
    """One unbroken sequence of events of one unit or desk.

    A site writes to exactly one chain, its own. A restore brings the chain of the unit that was lost as
    an imported one, which nothing is ever added to, and records the seam: an event of the own chain that
    names the imported chain's head.
    """

    class Origin(models.TextChoices):
        OWN = "own", "written here"
        IMPORTED = "imported", "came with a restore"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    started_at = models.DateTimeField()
    origin = models.CharField(max_length=10, choices=Origin.choices, default=Origin.OWN)

    class Meta:
        ordering = ["started_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["origin"], condition=models.Q(origin="own"), name="audit_chain_one_own"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"


class Event(models.Model):
    """One thing that was done, meant or refused. `digest` covers every other column and `previous`."""

    class Outcome(models.TextChoices):
        DONE = "done", "done"
        INTENT = "intent", "about to be done"
        REFUSED = "refused", "refused"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    chain = models.ForeignKey(Chain, on_delete=models.PROTECT, related_name="events")
    sequence = models.PositiveBigIntegerField()
    at = models.DateTimeField()
    action = models.CharField(max_length=80)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    actor_kind = models.CharField(max_length=10)
    actor_id = models.CharField(max_length=80)
    actor_name = models.CharField(max_length=200)
    subject = models.CharField(max_length=200, blank=True)
    # Canonical JSON as text, not JSONField: what is digested is what is stored, on every engine.
    facts_json = models.TextField(default="{}")
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ["-at", "-sequence"]
        constraints = [
            models.UniqueConstraint(fields=["chain", "sequence"], name="audit_event_one_per_sequence"),
        ]
        indexes = [
            models.Index(fields=["subject", "at"], name="audit_event_subject"),
            models.Index(fields=["action", "at"], name="audit_event_action"),
            models.Index(fields=["at"], name="audit_event_at"),
            models.Index(fields=["outcome", "at"], name="audit_event_outcome"),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.action} {self.outcome}"

    @property
    def facts(self) -> dict[str, object]:
        loaded: dict[str, object] = json.loads(self.facts_json)
        return loaded
