"""How allauth behaves here: accounts are made by administrators, never by visitors."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    """Sign-up is closed; usernames are compared in one spelling."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002  (nobody signs up)
        return False

    def clean_username(self, username: str, shallow: bool = False) -> Any:
        from accounts.models import normal_username

        return super().clean_username(normal_username(username), shallow=shallow)
