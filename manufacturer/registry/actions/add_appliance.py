"""Enter an appliance of a customer."""

from __future__ import annotations

from django.db import transaction

from audit.actor import Actor
from audit.log import record
from manufacturer.registry.models import Appliance, Customer


def add_appliance(*, actor: Actor, customer: Customer, name: str) -> Appliance:
    """The logical thing; units are assigned to it later."""
    with transaction.atomic():
        appliance = Appliance.objects.create(customer=customer, name=name)
        record(
            "appliances.added",
            actor=actor,
            subject=str(appliance.pk),
            facts={"name": name, "customer": str(customer.pk)},
        )
    return appliance
