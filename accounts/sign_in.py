"""Name and password for a token: the same check and the same limits as the sign-in page's."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from allauth.core.exceptions import ImmediateHttpResponse, RateLimited
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from accounts.errors import TooManyAttempts, WrongCredentials
from accounts.models import User, normal_username


def check_credentials(request: HttpRequest, *, username: str, password: str) -> User:
    """The account that name and password open. Failures are counted per name and per address."""
    try:
        user = get_adapter(request).authenticate(
            request, username=normal_username(username), password=password
        )
    except (ImmediateHttpResponse, RateLimited, ValidationError):
        raise TooManyAttempts(retry_after=300) from None
    if not isinstance(user, User) or not user.is_active:
        raise WrongCredentials()
    return user
