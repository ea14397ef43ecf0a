"""Enter a unit from the bundle that `sign_device` printed, and sell it at once if an owner is named."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from audit.actor import Actor
from ground.refusals import Refusal
from manufacturer.registry.actions.assign_unit import assign_unit, enrolment_of
from manufacturer.registry.actions.enrol_unit import enrol_unit
from manufacturer.registry.models import Appliance, Customer


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("bundle", type=Path)
        parser.add_argument("--customer", help="id, or reference")
        parser.add_argument("--appliance", help="id, or name; needs --customer")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = Actor.command("enrol_unit")
        try:
            bundle = json.loads(options["bundle"].read_text())
            unit = enrol_unit(actor=actor, bundle=bundle)
            if options["customer"] and options["appliance"]:
                customer = _find(Customer, options["customer"], "reference")
                appliance = _find(Appliance, options["appliance"], "name", customer=customer)
                assign_unit(actor=actor, unit=unit, customer=customer, appliance=appliance)
                self.stdout.write(enrolment_of(unit))
        except (OSError, ValueError) as error:
            raise CommandError(f"{options['bundle']} is no bundle") from error
        except Refusal as refusal:
            raise CommandError(f"{refusal}. {refusal.next_step}") from refusal


def _find(model: Any, named: str, field: str, **scope: Any) -> Any:
    by = Q(**{field: named})
    try:
        by |= Q(pk=UUID(named))
    except ValueError:
        pass
    found = model.objects.filter(by, **scope).first()
    if found is None:
        raise CommandError(f"no {model._meta.verbose_name} {named!r}")
    return found
