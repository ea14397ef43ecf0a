"""What a person may see of customers, appliances and units.

A contact sees their own customer's, staff see all.

What a person may not see does not exist for them: `Missing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet

from ground.refusals import Missing
from manufacturer.registry.models import Appliance, Customer, TransferRequest, Unit
from manufacturer.registry.trust import AuthorityKey, authority_keys, trust_bundle

if TYPE_CHECKING:
    from accounts.models import User

__all__ = [
    "AuthorityKey",
    "appliance_for",
    "appliances_for",
    "authority_keys",
    "chain_of",
    "customer_for",
    "customer_of",
    "customers_for",
    "is_staff",
    "one",
    "scoped",
    "transfer_request_for",
    "transfer_requests_for",
    "trust_bundle",
    "unit_for",
    "units_for",
    "waiting_requests",
]

STAFF = ("clerk", "approver", "custodian", "auditor")
Row = TypeVar("Row", bound=Model)


def is_staff(user: User) -> bool:
    """Of the manufacturer's people; a person with a customer is not, whatever roles they hold."""
    return user.customer_id is None and user.has_role(*STAFF)


def scoped(user: User, rows: QuerySet[Row], customer_field: str = "customer_id") -> QuerySet[Row]:
    """The rows of a customer's contact, or all for staff, or none."""
    if is_staff(user):
        return rows
    if user.customer_id is None or not user.has_role("contact"):
        return rows.none()
    return rows.filter(**{customer_field: user.customer_id})


def one(rows: QuerySet[Row], pk: UUID | str) -> Row:
    """The row, or `Missing`: whether it is not there or not theirs is not told apart."""
    try:
        found = rows.filter(pk=pk).first()
    except (ValidationError, ValueError):
        found = None
    if found is None:
        raise Missing(thing=str(rows.model._meta.verbose_name))
    return found


def customers_for(user: User) -> QuerySet[Customer]:
    return scoped(user, Customer.objects.all(), "id")


def appliances_for(user: User) -> QuerySet[Appliance]:
    return scoped(user, Appliance.objects.select_related("customer"))


def units_for(user: User) -> QuerySet[Unit]:
    return scoped(user, Unit.objects.select_related("customer", "appliance", "replaced_by"))


def transfer_requests_for(user: User) -> QuerySet[TransferRequest]:
    return scoped(user, TransferRequest.objects.select_related("unit"), "unit__customer_id")


def customer_for(user: User, pk: UUID | str) -> Customer:
    return one(customers_for(user), pk)


def appliance_for(user: User, pk: UUID | str) -> Appliance:
    return one(appliances_for(user), pk)


def unit_for(user: User, pk: UUID | str) -> Unit:
    return one(units_for(user), pk)


def transfer_request_for(user: User, pk: UUID | str) -> TransferRequest:
    return one(transfer_requests_for(user), pk)


def chain_of(appliance: Appliance) -> list[Unit]:
    """The units an appliance lived on, oldest first."""
    return list(appliance.units.order_by("created_at"))


def waiting_requests() -> QuerySet[TransferRequest]:
    """Units that wait for keys and may get them, with a request nobody has joined yet."""
    return TransferRequest.objects.filter(
        state=TransferRequest.State.WAITING,
        unit__state__in=[Unit.State.IN_STOCK, Unit.State.UNDER_REPAIR, Unit.State.SHIPPED],
        unit__withdrawn_reason="",
    ).select_related("unit")


def customer_of(user: User) -> Customer:
    """The customer a contact acts for, or `Missing`."""
    return one(customers_for(user), str(user.customer_id))
