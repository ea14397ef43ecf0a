"""Customers, the appliances they run, and the units those live on.

Unit, on the desk's side (the unit's own view of itself is another state machine, on the unit):

    manufactured → in_stock → reserved → shipped → in_service → failed | tampered | stolen
    reserved → in_stock (reservation dropped)       shipped → failed | stolen | in_stock (came back unopened)
    failed | tampered → under_repair | returned      stolen → returned
    under_repair → in_service | returned             returned → retired      any but retired → retired

An identity is withdrawn with a reason and a time and never given back: *failed* signs nothing new, but what
it lodged before stays good; *tampered*, *stolen* and *closed-out* are revoked for everything.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from ground.db.models import BaseModel


class Customer(BaseModel):
    """Who owns appliances, and the only one whose values may be opened for them."""

    name = models.CharField(max_length=120)  # as documents carry it
    reference = models.CharField(max_length=64, unique=True)
    contact_email = models.EmailField(blank=True)

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Appliance(BaseModel):
    """The logical thing a customer runs; it lives on a chain of units, each replaced by the next."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="appliances")
    name = models.CharField(max_length=120)  # as documents carry it

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Unit(BaseModel):
    """One physical appliance with a serial number and the identity the factory gave it."""

    class State(models.TextChoices):
        MANUFACTURED = "manufactured"
        IN_STOCK = "in_stock"
        RESERVED = "reserved"
        SHIPPED = "shipped"
        IN_SERVICE = "in_service"
        FAILED = "failed"
        TAMPERED = "tampered"
        STOLEN = "stolen"
        UNDER_REPAIR = "under_repair"
        RETURNED = "returned"
        RETIRED = "retired"

    class Withdrawn(models.TextChoices):
        FAILED = "failed"
        TAMPERED = "tampered"
        STOLEN = "stolen"
        CLOSED_OUT = "closed-out"

    serial = models.CharField(max_length=64, unique=True)
    model = models.CharField(max_length=100, blank=True)
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, null=True, blank=True, related_name="units"
    )
    appliance = models.ForeignKey(
        Appliance, on_delete=models.PROTECT, null=True, blank=True, related_name="units"
    )
    state = models.CharField(max_length=16, choices=State.choices, default=State.MANUFACTURED)
    chain = models.JSONField()  # base64url DER: the unit's certificate, then the device authority's
    certificate_thumbprint = models.CharField(max_length=64, unique=True)
    device_record = models.TextField()
    kem_thumbprint = models.CharField(max_length=64, unique=True)
    vault = models.CharField(
        max_length=16, default="software"
    )  # what guards its keys; approvers are shown it
    replaced_by = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="replaces"
    )
    withdrawn_reason = models.CharField(max_length=16, choices=Withdrawn.choices, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    warranty_until = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["serial"]
        constraints = [
            models.CheckConstraint(
                name="unit_withdrawal_is_whole",
                condition=(Q(withdrawn_reason="") & Q(withdrawn_at__isnull=True))
                | (~Q(withdrawn_reason="") & Q(withdrawn_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="unit_in_service_has_owner",
                condition=~Q(state="in_service") | Q(customer__isnull=False),
            ),
            models.CheckConstraint(
                name="unit_not_its_own_successor", condition=~Q(replaced_by=models.F("id"))
            ),
        ]

    def __str__(self) -> str:
        return self.serial


class TransferRequest(BaseModel):
    """A unit that waits to receive keys: its signed request, until a clerk joins it to a ticket.

    `waiting → joined → used | void`; `waiting → superseded` when the unit asks again.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        JOINED = "joined"
        USED = "used"
        VOID = "void"
        SUPERSEDED = "superseded"

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="transfer_requests")
    digest = models.CharField(max_length=64, unique=True)
    document = models.TextField()
    nonce = models.CharField(max_length=64, unique=True)
    state = models.CharField(max_length=12, choices=State.choices, default=State.WAITING)

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                name="one_open_request_per_unit",
                fields=["unit"],
                condition=Q(state__in=["waiting", "joined"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.unit_id} {self.state}"


class TrustBundle(BaseModel):
    """What the ceremony made public, as this desk imported it; the newest import counts.

    Holds no private half. The bearer token of custody is kept as a digest.
    """

    number = models.PositiveIntegerField(unique=True)
    root = models.TextField()  # base64url DER
    authority_list = models.TextField()
    rosters = models.JSONField()  # every version since the first, oldest first
    custody_token_digest = models.CharField(max_length=64)

    class Meta:
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"trust {self.number}"
