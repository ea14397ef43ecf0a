"""Custody's own store; no other process opens it.

Nothing here is a key. The rows are what signed documents alone cannot say: what was used already, what was
made already, what has failed too often, and which version of roster and lists was the newest seen.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from ground.db.models import BaseModel


class Request(BaseModel):
    """One request pulled from the desk; its id is the desk's. `received → working → answered`.

    The answer is stored before it is posted and never changes: a request seen again gets the same answer.
    """

    class State(models.TextChoices):
        RECEIVED = "received"
        WORKING = "working"
        ANSWERED = "answered"

    kind = models.CharField(max_length=16)
    documents = models.JSONField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.RECEIVED)
    reply = models.JSONField(null=True, blank=True)
    # Why, for custodians; the desk gets one uniform answer.
    inner_reason = models.CharField(max_length=200, blank=True)
    posted_at = models.DateTimeField(null=True, blank=True)
    worked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.CheckConstraint(
                name="custody_request_answer_is_whole",
                condition=(Q(state="answered") & Q(reply__isnull=False))
                | (~Q(state="answered") & Q(reply__isnull=True)),
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"


class Nonce(BaseModel):
    """A nonce that was used; consumed in the transaction that stores what it was used for."""

    value = models.CharField(max_length=64, unique=True)
    used_for = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.used_for


class TransferMade(BaseModel):
    """One attempt of one ticket: `live` once its transfer exists, `void` for ever once voided.

    A void row without a document bars an attempt for which no transfer was ever made.
    """

    class State(models.TextChoices):
        LIVE = "live"
        VOID = "void"

    ticket = models.CharField(max_length=64)
    attempt = models.PositiveIntegerField()
    state = models.CharField(max_length=4, choices=State.choices)
    request_digest = models.CharField(
        max_length=64, null=True, blank=True, unique=True
    )  # null: several void rows have none
    target = models.CharField(max_length=64, blank=True)
    document = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="transfer_once_per_attempt", fields=["ticket", "attempt"]),
            models.UniqueConstraint(
                name="one_live_transfer_per_ticket", fields=["ticket"], condition=Q(state="live")
            ),
            models.CheckConstraint(
                name="live_transfer_is_whole",
                condition=Q(state="void") | (~Q(document="") & Q(request_digest__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ticket}/{self.attempt} {self.state}"


class RosterVersion(BaseModel):
    """A roster this custody believed; the highest version counts, and none lower is ever taken."""

    version = models.PositiveIntegerField(unique=True)
    document = models.TextField()

    class Meta:
        ordering = ["-version"]

    def __str__(self) -> str:
        return f"roster {self.version}"


class AuthorityListVersion(BaseModel):
    """An authority list under the pinned root; the highest version counts."""

    version = models.PositiveIntegerField(unique=True)
    document = models.TextField()
    root = models.TextField()  # base64url DER

    class Meta:
        ordering = ["-version"]

    def __str__(self) -> str:
        return f"authority list {self.version}"


class Barred(BaseModel):
    """What is refused: a key id for ever, or an identity withdrawn for tampering or theft."""

    class Kind(models.TextChoices):
        KEY = "key"
        IDENTITY = "identity"

    kind = models.CharField(max_length=8, choices=Kind.choices)
    name = models.CharField(max_length=64)
    reason = models.CharField(max_length=200)
    by = models.CharField(
        max_length=64, blank=True
    )  # a person of the roster, or BY_DESK: only that can be lifted again

    BY_DESK = ""

    class Meta:
        constraints = [models.UniqueConstraint(name="barred_once", fields=["kind", "name"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Counter(BaseModel):
    """Attempts against one subject since a custodian last released it.

    Counted before the attempt is judged.
    """

    subject = models.CharField(max_length=100, unique=True)
    refused = models.PositiveIntegerField(default=0)
    opened = models.PositiveIntegerField(default=0)
    drilled = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.subject


class LedgerRow(BaseModel):
    """One signed entry of the ledger; each names the digest of the one before."""

    sequence = models.PositiveBigIntegerField(unique=True)
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, unique=True)
    document = models.TextField()
    countersignature = models.TextField(blank=True)

    class Meta:
        ordering = ["sequence"]

    def __str__(self) -> str:
        return str(self.sequence)
