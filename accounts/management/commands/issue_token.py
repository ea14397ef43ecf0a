"""Issue a token for an account; prints it once."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.actions import issue_token
from accounts.selectors import user_by_name
from audit.actor import Actor


class Command(BaseCommand):
    help = "Issue an API token for an account. It is printed this once; only its digest is stored."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", default="command line")
        parser.add_argument("--days", type=int, default=90, help="how long it lives; 0: until it is revoked")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        user = user_by_name(options["username"])
        if user is None or not user.is_active:
            raise CommandError("there is no active account of that name")
        life = dt.timedelta(days=options["days"]) if options["days"] else None
        token, text = issue_token(
            actor=Actor.command("issue_token"), user=user, name=options["name"], expiry=life
        )
        if options["json"]:
            expires = token.expiry.isoformat() if token.expiry else None
            self.stdout.write(json.dumps({"id": str(token.id), "token": text, "expires_at": expires}))
        else:
            self.stdout.write(text)
