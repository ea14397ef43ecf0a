"""Sell a unit in stock to a customer, and say so to the unit in a signed enrolment."""

from __future__ import annotations

import datetime as dt
import time

from django.db import transaction

from audit.actor import Actor
from manufacturer.registry.actions.move_unit import move_unit
from manufacturer.registry.errors import OwnerMismatch
from manufacturer.registry.models import Appliance, Customer, Unit
from manufacturer.registry.trust import front_desk
from sealing.claims import Party
from sealing.documents import enrolment
from sealing.encoding import Thumbprint


def assign_unit(
    *,
    actor: Actor,
    unit: Unit,
    appliance: Appliance,
    customer: Customer | None = None,
    warranty_until: dt.date | None = None,
) -> Unit:
    """in_stock → shipped; `customer` is checked when given.

    The first value it lodges puts it in service. Raises `OwnerMismatch`, `UnitMove`.
    """
    customer = customer or appliance.customer
    if appliance.customer_id != customer.pk:
        raise OwnerMismatch(appliance=str(appliance.pk), customer=str(customer.pk))
    with transaction.atomic():
        return move_unit(
            actor=actor,
            unit=unit,
            to=Unit.State.SHIPPED,
            reason="sold",
            customer=customer,
            appliance=appliance,
            warranty_until=warranty_until,
        )


def enrolment_of(unit: Unit) -> str:
    """The signed enrolment of a unit that has an owner."""
    assert unit.customer is not None
    assert unit.appliance is not None
    return enrolment.issue(
        enrolment.Enrolment(
            serial=unit.serial,
            certificate=Thumbprint(unit.certificate_thumbprint),
            customer=Party(id=str(unit.customer_id), name=unit.customer.name),
            appliance=Party(id=str(unit.appliance_id), name=unit.appliance.name),
            iat=int(time.time()),
        ),
        front_desk(),
    )
