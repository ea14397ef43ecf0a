"""What units lodge: values and heads; what custody is asked and answers; the mirror of its ledger.

Nothing here opens anything. A lodged value is an identifier with a proof of when it came, not a credential.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from ground.db.models import BaseModel
from manufacturer.registry.models import Appliance, Customer, Unit


class LodgedValue(BaseModel):
    """One escrow value as the unit signed it, and the receipt this desk signed for it."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="values")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="values")
    appliance = models.ForeignKey(Appliance, on_delete=models.PROTECT, related_name="values")
    key_id = models.CharField(max_length=64)
    epoch = models.PositiveIntegerField()
    authority_key_id = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, unique=True)
    document = models.TextField()
    receipt = models.TextField()
    lodged_at = models.DateTimeField()
    proven_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-lodged_at", "id"]

    def __str__(self) -> str:
        return f"epoch {self.epoch} {self.digest[:12]}"


class LodgedHead(BaseModel):
    """The newest header a unit wrote on one target; its sequence only ever rises."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="heads")
    target_id = models.CharField(max_length=64)
    sequence = models.PositiveBigIntegerField()
    header_digest = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    document = models.TextField()
    receipt = models.TextField()
    lodged_at = models.DateTimeField()

    class Meta:
        ordering = ["unit_id", "target_id"]
        constraints = [models.UniqueConstraint(name="one_head_per_target", fields=["unit", "target_id"])]

    def __str__(self) -> str:
        return f"{self.target_id} {self.sequence}"


class CustodyRequest(BaseModel):
    """One thing asked of custody. `waiting → answered`; custody pulls, answers once, and the answer stays."""

    class Kind(models.TextChoices):
        RECOVER = "recover"
        DRILL = "drill"
        VOID = "void"
        WITHDRAW = "withdraw"

    class State(models.TextChoices):
        WAITING = "waiting"
        ANSWERED = "answered"

    kind = models.CharField(max_length=8, choices=Kind.choices)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    subject = models.CharField(max_length=100)
    documents = models.JSONField()
    reply = models.JSONField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.CheckConstraint(
                name="custody_answer_is_whole",
                condition=(Q(state="waiting") & Q(reply__isnull=True) & Q(answered_at__isnull=True))
                | (Q(state="answered") & Q(reply__isnull=False) & Q(answered_at__isnull=False)),
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"


class Drill(BaseModel):
    """A unit's question whether a value still opens. `waiting → proven | refused`.

    `proven` means custody signed an answer; only the unit can tell whether the answer is right.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        PROVEN = "proven"
        REFUSED = "refused"

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="drills")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="drills")
    value_digest = models.CharField(max_length=64)
    request_digest = models.CharField(max_length=64, unique=True)
    custody_request = models.OneToOneField(CustodyRequest, on_delete=models.PROTECT, related_name="drill")
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    proof = models.TextField(blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.CheckConstraint(name="proven_drill_has_proof", condition=~Q(state="proven") | ~Q(proof=""))
        ]

    def __str__(self) -> str:
        return f"{self.value_digest[:12]} {self.state}"


class LedgerEntry(BaseModel):
    """One entry of custody's ledger, as custody signed it; shown to the owner of the value it concerns."""

    sequence = models.PositiveBigIntegerField(unique=True)
    digest = models.CharField(max_length=64, unique=True)
    previous = models.CharField(max_length=64)
    kind = models.CharField(max_length=16)
    phase = models.CharField(max_length=8)
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, null=True, blank=True, related_name="ledger_entries"
    )
    subject = models.CharField(max_length=200)
    document = models.TextField()
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["sequence"]

    def __str__(self) -> str:
        return f"{self.sequence} {self.kind} {self.phase}"
