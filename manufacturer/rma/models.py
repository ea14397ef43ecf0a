"""Tickets of kind *replacement*: whose move it is, and what leaves each state.

    submitted (desk) → accepted | refused | cancelled
    accepted (desk, then two approvers) → approved | cancelled
    approved (custody) → ready | accepted (custody declined; the desk corrects, approvals are void)
    ready (desk) → shipped
    shipped (customer: receipt; then the unit: installation) → installed
    shipped | ready | approved → accepted by *reissue* (old transfer voided, new request, new approvals)
    installed (unit: recovery report) → restored
    restored (desk: close-out list) → closed

Every arrow is one compare-and-swap UPDATE on (id, state, revision); the constraints below are the last guard.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from ground.db.models import BaseModel
from manufacturer.escrow.models import CustodyRequest
from manufacturer.registry.models import Appliance, Customer, TransferRequest, Unit


class Ticket(BaseModel):
    """One loss of one unit."""

    class State(models.TextChoices):
        SUBMITTED = "submitted"
        ACCEPTED = "accepted"
        APPROVED = "approved"
        READY = "ready"
        SHIPPED = "shipped"
        INSTALLED = "installed"
        RESTORED = "restored"
        CLOSED = "closed"
        REFUSED = "refused"
        CANCELLED = "cancelled"

    class Ended(models.TextChoices):
        FAILED = "failed"
        TAMPERED = "tampered"
        STOLEN = "stolen"

    OVER = (State.CLOSED, State.REFUSED, State.CANCELLED)

    number = models.CharField(max_length=20, unique=True)
    kind = models.CharField(max_length=12, default="replacement")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="tickets")
    appliance = models.ForeignKey(Appliance, on_delete=models.PROTECT, related_name="tickets")
    source_unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="tickets")
    state = models.CharField(max_length=10, choices=State.choices, default=State.SUBMITTED)
    ended = models.CharField(max_length=10, choices=Ended.choices, default=Ended.FAILED)
    reason = models.TextField(blank=True)
    refusal_reason = models.TextField(blank=True)
    # Text, not keys: the ticket document carries them, and accounts may go while tickets stay.
    opened_by = models.CharField(max_length=150)
    edited_by = models.JSONField(default=list)
    contact_email = models.EmailField(blank=True)
    revision = models.PositiveIntegerField(default=1)
    attempt_number = models.PositiveIntegerField(default=0)
    restored_report = models.TextField(blank=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                name="one_open_ticket_per_loss",
                fields=["source_unit"],
                condition=~Q(state__in=["closed", "refused", "cancelled"]),
            ),
            models.CheckConstraint(
                name="ticket_refusal_has_reason", condition=~Q(state="refused") | ~Q(refusal_reason="")
            ),
            models.CheckConstraint(
                name="ticket_restored_has_report",
                condition=~Q(state__in=["restored", "closed"]) | ~Q(restored_report=""),
            ),
        ]

    def __str__(self) -> str:
        return self.number


class TicketValue(BaseModel):
    """One value the ticket asks to have recovered, and where it came from."""

    class Origin(models.TextChoices):
        LODGED = "lodged"
        HEADER = "header"
        PRESENTED = "presented"

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="values")
    digest = models.CharField(max_length=64)
    key_id = models.CharField(max_length=64)
    epoch = models.PositiveIntegerField()
    serial = models.CharField(max_length=64)
    document = models.TextField()
    receipt = models.TextField(blank=True)
    origin = models.CharField(max_length=10, choices=Origin.choices)

    class Meta:
        ordering = ["-epoch", "id"]
        constraints = [
            models.UniqueConstraint(name="value_once_per_ticket", fields=["ticket", "digest"]),
        ]

    def __str__(self) -> str:
        return f"epoch {self.epoch}"


class Attempt(BaseModel):
    """One replacement reserved for one ticket, the document approved for it, and the transfer made for it.

    `open → void` by reissue or an edit before shipping; at most one is open on a ticket.
    """

    class State(models.TextChoices):
        OPEN = "open"
        VOID = "void"

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=4, choices=State.choices, default=State.OPEN)
    request = models.OneToOneField(TransferRequest, on_delete=models.PROTECT, related_name="attempt")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="attempts")
    document = models.TextField(blank=True)
    document_digest = models.CharField(max_length=64, blank=True)
    custody_request = models.OneToOneField(
        CustodyRequest, on_delete=models.PROTECT, null=True, blank=True, related_name="attempt"
    )
    transfer = models.TextField(blank=True)
    carrier = models.CharField(max_length=100, blank=True)
    tracking = models.CharField(max_length=200, blank=True)
    expected_on = models.DateField(null=True, blank=True)
    shipped_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(null=True, blank=True)
    code_digest = models.CharField(max_length=200, blank=True)
    code_attempts = models.PositiveIntegerField(default=0)
    collected_at = models.DateTimeField(null=True, blank=True)
    installation_receipt = models.TextField(blank=True)

    class Meta:
        ordering = ["-number", "id"]
        constraints = [
            models.UniqueConstraint(name="attempt_number_once", fields=["ticket", "number"]),
            models.UniqueConstraint(
                name="one_open_attempt_per_ticket", fields=["ticket"], condition=Q(state="open")
            ),
            models.CheckConstraint(
                name="attempt_collected_after_receipt",
                condition=Q(collected_at__isnull=True) | Q(received_at__isnull=False),
            ),
            models.CheckConstraint(
                name="attempt_shipped_with_transfer",
                condition=Q(shipped_at__isnull=True) | ~Q(transfer=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id}/{self.number}"


class Approval(BaseModel):
    """One finished signature over one exact ticket document. Kept when void; counted only when not."""

    attempt = models.ForeignKey(Attempt, on_delete=models.PROTECT, related_name="approvals")
    person = models.CharField(max_length=150)
    document_digest = models.CharField(max_length=64)
    document = models.TextField()
    void = models.BooleanField(default=False)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["made_at", "id"]
        constraints = [
            models.UniqueConstraint(
                name="one_approval_per_person",
                fields=["attempt", "person", "document_digest"],
                condition=Q(void=False),
            )
        ]

    def __str__(self) -> str:
        return self.person


class TimelineEntry(BaseModel):
    """What happened on a ticket, in words; written in the transaction of the change itself."""

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="timeline")
    sequence = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=Ticket.State.choices)
    actor = models.CharField(max_length=200)
    text = models.TextField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["ticket_id", "sequence"]
        constraints = [models.UniqueConstraint(name="timeline_in_order", fields=["ticket", "sequence"])]

    def __str__(self) -> str:
        return self.text
