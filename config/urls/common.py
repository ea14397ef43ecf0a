"""URLs of the two sides that have a web tier; a role's module only names its role."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from config import rooms
from config.site import Role
from ground.rest.docs import DocsView, SchemaView
from ground.rest.health import healthz


def patterns(role: Role) -> list[URLPattern | URLResolver]:
    """REST below ``/api/v1/``, its description, sign-in, and the pages last."""
    return [
        path("healthz", healthz, name="healthz"),
        path("api/schema/", SchemaView.as_view(), name="schema"),
        path("api/docs/", DocsView.as_view(url_name="schema"), name="docs"),
        *(path("api/v1/", include(module)) for module in rooms.api_urls(role)),
        path("api/", include("ground.rest.not_found")),
        path("accounts/", include("allauth.urls")),
        *(path("", include(module)) for module in rooms.portal_urls(role)),
    ]


def error_handlers() -> dict[str, str]:
    """Errors look like pages."""
    names = {
        "handler400": "bad_request",
        "handler403": "forbidden",
        "handler404": "not_found",
        "handler500": "server_error",
    }
    return {handler: f"portal.shell.errors.{view}" for handler, view in names.items()}
