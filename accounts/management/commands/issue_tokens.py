"""Issue a token to each of the named people who exist; prints them as JSON. The only time tokens are seen."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from accounts.actions import issue_token
from accounts.models import User, normal_username
from audit.actor import Actor


class Command(BaseCommand):
    help = "Issue tokens to people by username; names that nobody has are left out."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("usernames", nargs="+")
        parser.add_argument("--name", required=True, help="what the tokens are for")

    def handle(self, *args: Any, usernames: list[str], name: str, **options: Any) -> None:
        actor = Actor.command("issue_tokens")
        made = []
        with transaction.atomic():
            wanted = [normal_username(username) for username in usernames]
            for user in User.objects.filter(username__in=wanted, is_active=True):
                _, token = issue_token(actor=actor, user=user, name=name, expiry=None)
                made.append({"username": user.username, "token": token, "roles": sorted(user.roles)})
        self.stdout.write(json.dumps(made))
