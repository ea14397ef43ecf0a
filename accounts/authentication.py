"""Who asks: a token of a program, or the session of a signed-in browser."""

from __future__ import annotations

from typing import Any

from knox.auth import TokenAuthentication as KnoxTokenAuthentication
from rest_framework.authentication import SessionAuthentication as StockSessionAuthentication
from rest_framework.request import Request


class TokenAuthentication(KnoxTokenAuthentication):
    """``Authorization: Bearer <token>``. Only the token's digest is stored."""


class SessionAuthentication(StockSessionAuthentication):
    """The browser's session; unsafe methods need the CSRF token. Says 401 like a missing token does."""

    def authenticate_header(self, request: Request) -> Any:  # noqa: ARG002  (the same for all)
        return "Session"
