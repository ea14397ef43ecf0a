"""Who sends a request that does not pass through Django: the bearer of a token, or a signed-in browser."""

from __future__ import annotations

import io
from collections.abc import MutableMapping
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user
from django.core.handlers.asgi import ASGIRequest
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.authentication import TokenAuthentication
from appliance.content.errors import CrossOrigin
from ground.refusals import Forbidden, Unauthenticated

if TYPE_CHECKING:
    from accounts.models import User


def caller(scope: MutableMapping[str, Any], *roles: str) -> User:
    """The account behind the request, if it holds one of `roles`. Reads rights anew at each request.

    A browser's session is taken only from a page of this site: the upload protocol's own header already
    keeps other sites out (they would need leave for it first, and nobody here gives any), and where the
    browser names an origin it must be ours.
    """
    request = ASGIRequest(dict(scope, type="http"), io.BytesIO())
    user = _by_token(request) or _by_session(request)
    if user is None or not user.is_active:
        raise Unauthenticated()
    if not user.has_role(*roles):
        raise Forbidden()
    return user


def _by_token(request: ASGIRequest) -> User | None:
    try:
        found = TokenAuthentication().authenticate(Request(request))
    except AuthenticationFailed as error:
        raise Unauthenticated() from error
    return found[0] if found else None


def _by_session(request: ASGIRequest) -> User | None:
    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    if not key:
        return None
    _check_origin(request)
    engine = import_module(settings.SESSION_ENGINE)
    request.session = engine.SessionStore(key)
    user: Any = get_user(request)
    return user if user.is_authenticated else None


def _check_origin(request: ASGIRequest) -> None:
    origin = request.META.get("HTTP_ORIGIN")
    if origin is not None and urlsplit(origin).netloc != request.get_host():
        raise CrossOrigin(origin=origin[:200])
    if request.META.get("HTTP_SEC_FETCH_SITE", "same-origin") not in ("same-origin", "none"):
        raise CrossOrigin()
