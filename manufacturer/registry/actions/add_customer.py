"""Enter a customer."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from audit.actor import Actor
from audit.log import record
from manufacturer.registry.errors import ReferenceTaken
from manufacturer.registry.models import Customer


def add_customer(*, actor: Actor, name: str, reference: str = "", contact_email: str = "") -> Customer:
    """Raises `ReferenceTaken`. `reference` defaults to the row's own id."""
    customer = Customer(name=name, contact_email=contact_email)
    customer.reference = reference or str(customer.pk)
    try:
        with transaction.atomic():
            customer.save(force_insert=True)
            record("customers.added", actor=actor, subject=str(customer.pk), facts={"name": name})
    except IntegrityError as error:
        raise ReferenceTaken(reference=reference) from error
    return customer
