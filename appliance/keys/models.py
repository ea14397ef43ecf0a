"""What pages and REST read about keys. Derived from the keyring and following it; no secret is ever here.

The keyring file is the truth: rows are written after it changed (`engine.sync`), at every step of a rotation
and at start-up, so a crash between the two heals by itself. Values are identifiers, not secrets.
"""

from __future__ import annotations

from typing import Final

from django.db import models

from ground.db.models import BaseModel


class KeyEpoch(BaseModel):
    """One backup key. States and arrows are the keyring's (`sealing.keyring`); the row never leads."""

    class State(models.TextChoices):
        PRE_ACTIVATION = "pre-activation", "made, not in use yet"
        ACTIVE = "active", "active"
        DEACTIVATED = "deactivated", "opens only"
        COMPROMISED = "compromised", "in doubt, opens only"
        DESTROYED = "destroyed", "destroyed"

    key_id = models.CharField(max_length=32, unique=True)
    epoch = models.PositiveIntegerField()
    kind = models.CharField(max_length=10)
    origin = models.CharField(max_length=10)  # generated | imported
    state = models.CharField(max_length=14, choices=State.choices)
    commitment = models.CharField(max_length=43)
    data_key_id = models.CharField(max_length=32, blank=True)
    source_serial = models.CharField(max_length=40, blank=True)
    made_at = models.DateTimeField()
    activated_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)  # left active or pre-activation
    durable = models.BooleanField(default=False)
    downloaded = models.BooleanField(default=False)  # a person gave the digest of the downloaded value back
    proof_how = models.CharField(max_length=8, blank=True)  # drilled | waived
    proof_at = models.DateTimeField(null=True)
    proof_by = models.JSONField(default=list)
    proof_detail = models.CharField(max_length=512, blank=True)

    class Meta:
        ordering = ["-epoch", "-made_at"]
        constraints = [
            # Last guard: whatever a bug writes, two keys are never shown as active.
            models.UniqueConstraint(
                fields=["state"], condition=models.Q(state="active"), name="appliance_keys_one_active"
            ),
        ]

    def __str__(self) -> str:
        return f"epoch {self.epoch}"

    @property
    def is_proven(self) -> bool:
        """Drilled, or waived and marked so."""
        return self.proof_how != ""

    @property
    def is_amber(self) -> bool:
        """In use on a waiver: it should be drilled as soon as the desk answers."""
        return self.state == self.State.ACTIVE and self.proof_how == "waived"


class KeyTransition(BaseModel):
    """One arrow that a key took; `ordinal` is its place in the keyring's history."""

    ordinal = models.PositiveIntegerField(unique=True)
    key_id = models.CharField(max_length=32)
    old = models.CharField(max_length=14, blank=True)
    new = models.CharField(max_length=14)
    who = models.CharField(max_length=512)
    why = models.CharField(max_length=512)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-ordinal"]

    def __str__(self) -> str:
        return f"{self.old or 'new'} → {self.new}"


class LodgedValue(BaseModel):
    """One escrow value of a key, stored durably (R3); `receipt` when the desk holds it (R4)."""

    epoch = models.ForeignKey(KeyEpoch, on_delete=models.PROTECT, related_name="values")
    digest = models.CharField(max_length=64, unique=True)
    document = models.TextField()
    authority_key_id = models.CharField(max_length=43)
    current = models.BooleanField(default=True)  # False once the key was sealed anew
    receipt = models.TextField(blank=True)
    lodged_at = models.DateTimeField(null=True)
    desk_id = models.CharField(max_length=64, blank=True)
    downloaded_at = models.DateTimeField(null=True)
    downloaded_by = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"value {self.digest[:12]}"


class ValueDrill(BaseModel):
    """One drill asked of the desk: `asked → proven | failed | given_up`."""

    class State(models.TextChoices):
        ASKED = "asked", "asked"
        PROVEN = "proven", "proven"
        FAILED = "failed", "failed"
        GIVEN_UP = "given_up", "given up"

    epoch = models.ForeignKey(KeyEpoch, on_delete=models.PROTECT, related_name="drills")
    purpose = models.CharField(max_length=10)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ASKED)
    request = models.TextField()
    request_digest = models.CharField(max_length=64, unique=True)
    value_digest = models.CharField(max_length=64)
    desk_id = models.CharField(max_length=64, blank=True)
    proof = models.TextField(blank=True)
    ended_at = models.DateTimeField(null=True)
    problem = models.JSONField(default=dict)  # Refusal.as_dict() of why it failed

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"drill {self.state}"


class DrillWaiver(BaseModel):
    """One admin's word that a key may be used before its value was drilled."""

    key_id = models.CharField(max_length=32)
    admin_id = models.CharField(max_length=80)
    admin_name = models.CharField(max_length=200)
    why = models.CharField(max_length=300)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key_id", "admin_id"], name="appliance_keys_one_waiver_each"),
        ]

    def __str__(self) -> str:
        return f"waiver by {self.admin_name}"


PURPOSES: Final = ("activation", "scheduled", "manual")
