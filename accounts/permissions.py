"""Who may do what: for REST views, for pages, and for acts that ask for a fresh sign-in."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.request import Request

from accounts.errors import FreshSignInNeeded
from accounts.models import ApiToken, User
from audit.actor import Actor
from ground.refusals import Missing, Unauthenticated
from ground.rest.permissions import HasRole

__all__ = ["HasRole", "actor_of", "require_fresh", "role_required", "user_of"]

SIGNED_IN_AT = "accounts.signed_in_at"  # session key, seconds since the epoch

View = TypeVar("View", bound=Callable[..., Any])


def role_required(*any_of: str) -> Callable[[View], View]:
    """For pages: strangers are sent to sign in; for people without one of the roles the page is not there.

    No role named: everyone who is signed in may.
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if any_of and not user_of(request).has_role(*any_of):
                # What a person may not see does not exist for them.
                raise Missing()
            return view(request, *args, **kwargs)

        return cast(View, wrapped)

    return decorate


def user_of(request: HttpRequest | Request) -> User:
    """The signed-in person; `Unauthenticated` if nobody is."""
    user: Any = request.user
    if isinstance(user, User):  # true as well for the lazy object that the session middleware leaves
        return user
    raise Unauthenticated()


def actor_of(request: HttpRequest | Request) -> Actor:
    """The signed-in person as the actor of an action."""
    return Actor.user(user_of(request))


def require_fresh(request: HttpRequest | Request, minutes: float | None = None) -> None:
    """Refuse unless the person signed in within the last `minutes` (default: five).

    A program's token counts from when it was issued: it signs in again by making a fresh one.
    """
    limit = settings.FRESH_SIGN_IN_SECONDS if minutes is None else minutes * 60
    token = getattr(request, "auth", None)
    if isinstance(token, ApiToken):
        age = (timezone.now() - token.created).total_seconds()
    else:
        signed_in_at = request.session.get(SIGNED_IN_AT)
        age = time.time() - signed_in_at if isinstance(signed_in_at, int | float) else float("inf")
    if not 0 <= age <= limit:
        raise FreshSignInNeeded(within_minutes=round(limit / 60))


def _note_sign_in(request: HttpRequest, **_: Any) -> None:
    request.session[SIGNED_IN_AT] = time.time()


user_logged_in.connect(_note_sign_in, dispatch_uid="accounts.signed_in_at")
