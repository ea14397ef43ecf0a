"""The bearer token custody pulls with. It buys availability, not belief."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from manufacturer.registry import selectors

KEYWORD = b"bearer"


@dataclass(frozen=True)
class CustodyPeer:
    """Stands where a user stands; has no roles."""

    pk: str = "custody"
    is_authenticated: bool = True
    is_active: bool = True

    def get_username(self) -> str:
        return "custody"

    def has_role(self, *_any_of: str) -> bool:
        return False


def token_digest(token: str) -> str:
    """What is kept of the token: it has 256 random bits, so a plain digest is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


class CustodyAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[CustodyPeer, None] | None:
        parts = get_authorization_header(request).split()
        if len(parts) != 2 or parts[0].lower() != KEYWORD:
            return None
        bundle = selectors.trust_bundle()
        given = token_digest(parts[1].decode("latin-1"))
        if bundle is None or not hmac.compare_digest(given, bundle.custody_token_digest):
            raise AuthenticationFailed
        return CustodyPeer(), None

    def authenticate_header(self, _request: Request) -> str:
        return "Bearer"


class IsCustody(BasePermission):
    def has_permission(self, request: Request, _view: APIView) -> bool:
        return isinstance(request.user, CustodyPeer)


class CustodyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # its base is untyped
    target_class = CustodyAuthentication
    name = "custodyBearer"

    def get_security_definition(self, _auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}
