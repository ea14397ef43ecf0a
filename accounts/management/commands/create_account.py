"""Make one account; prints its password once."""

from __future__ import annotations

import json
import sys
import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts.actions import create_user, issue_token
from audit.actor import Actor
from ground.refusals import Refusal


class Command(BaseCommand):
    help = "Make an account with roles; its password is made here or read, and printed once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--role", action="append", default=[], help="may be given several times")
        parser.add_argument("--email", default="")
        parser.add_argument("--display-name", default="")
        parser.add_argument("--customer", type=uuid.UUID, default=None, help="UUID of a contact's customer")
        # Never as an argument: the command line of a process is readable by others.
        parser.add_argument(
            "--password-stdin", action="store_true", help="read the password from standard input"
        )
        parser.add_argument("--token", metavar="NAME", help="also issue a token of this name")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        given = sys.stdin.readline().rstrip("\n") if options["password_stdin"] else None
        actor = Actor.command("create_account")
        try:
            with transaction.atomic():
                user, password = create_user(
                    actor=actor,
                    username=options["username"],
                    password=given,
                    email=options["email"],
                    display_name=options["display_name"],
                    roles=options["role"],
                    customer_id=options["customer"],
                )
                token = ""
                if options["token"]:
                    _, token = issue_token(actor=actor, user=user, name=options["token"])
        except Refusal as refusal:
            raise CommandError(f"{refusal}\n{refusal.next_step}") from refusal
        made = {
            "id": str(user.pk),
            "username": user.username,
            "roles": sorted(options["role"]),
            "password": None if given is not None else password,
            "token": token or None,
        }
        if options["json"]:
            self.stdout.write(json.dumps(made))
            return
        for name, value in made.items():
            if value:
                self.stdout.write(f"{name}: {value if isinstance(value, str) else ', '.join(value)}")
