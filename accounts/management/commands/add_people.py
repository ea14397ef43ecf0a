"""Add people from JSON on standard input; prints what was made, with passwords and tokens, as JSON.

Input: ``[{"username", "roles": [...], "password"?, "email"?, "customer_id"?, "token"?: name}]``. A password
that is not given is made. This output is the only time that password and token are seen.
"""

from __future__ import annotations

import json
import sys
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.actions import create_user, issue_token
from audit.actor import Actor


class Command(BaseCommand):
    help = "Add people from JSON on standard input."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            wanted = json.load(sys.stdin)
        except ValueError as error:
            raise CommandError("standard input is not JSON") from error
        actor = Actor.command("add_people")
        with transaction.atomic():
            made = [self.add(person, actor) for person in wanted]
        self.stdout.write(json.dumps(made))

    def add(self, person: dict[str, Any], actor: Actor) -> dict[str, Any]:
        customer = person.get("customer_id")
        user, password = create_user(
            actor=actor,
            username=person["username"],
            password=person.get("password"),
            email=person.get("email", ""),
            roles=person["roles"],
            customer_id=UUID(customer) if customer else None,
        )
        token = ""
        if person.get("token"):
            _, token = issue_token(actor=actor, user=user, name=person["token"], expiry=None)
        return {
            "id": str(user.pk),
            "username": user.username,
            "password": password,
            "token": token,
            "roles": sorted(person["roles"]),
        }
