"""Helpers for tests of pages: signed-in browsers, and what every page must satisfy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from typing import Any

from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import User
from accounts.permissions import SIGNED_IN_AT

CSP = (
    "base-uri 'none'", "connect-src 'self'", "default-src 'none'", "font-src 'self'", "form-action 'self'",
    "frame-ancestors 'none'", "img-src 'self' data:", "manifest-src 'self'", "script-src 'self'",
    "style-src 'self'",
)  # fmt: skip
NAMESPACES = ("shell", "unit", "desk")


def browser_of(user: User, *, fresh: bool = True) -> Client:
    """A browser in which this person is signed in, just now or some hours ago."""
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    if not fresh:
        session = client.session
        session[SIGNED_IN_AT] = session[SIGNED_IN_AT] - 7200
        session.save()
    return client


def policy_of(response: Any) -> tuple[str, ...]:
    """The directives of the content security policy, sorted."""
    return tuple(sorted(part.strip() for part in response["Content-Security-Policy"].split(";")))


def inline_code(response: Any) -> list[str]:
    """Inline script, style, handlers, foreign bases and script addresses in a page: there must be none."""
    finder = _InlineFinder()
    finder.feed(response.content.decode("utf-8"))
    return finder.found


class _InlineFinder(HTMLParser):
    """Reads the page as a browser does, so that escaped text does not count."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        wrong = [name for name in names if name.startswith("on") or name in ("style", "srcdoc")]
        wrong += [f"{name}={value}" for name, value in attrs if _is_script_address(name, value)]
        wrong += [tag for _ in range(tag in ("style", "base", "iframe", "object", "embed"))]
        wrong += ["script without src" for _ in range(tag == "script" and not names.get("src"))]
        self.found += wrong


def _is_script_address(name: str, value: str | None) -> bool:
    known = name in ("href", "src", "action", "formaction")
    return known and (value or "").strip().lower().startswith(("javascript:", "data:", "//"))


def page_names() -> set[str]:
    """Every page of this side, by its full name: read from the URL map itself."""
    return set(_names(get_resolver().url_patterns, ""))


def _names(patterns: Iterable[URLPattern | URLResolver], namespace: str) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            below = pattern.namespace or namespace
            yield from _names(pattern.url_patterns, below)
        elif namespace in NAMESPACES:
            yield f"{namespace}:{pattern.name}"


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</textarea><svg/onload=alert(1)>",
    "{{ settings.SECRET_KEY }}{% debug %}",
    "javascript:alert(1)",
    '=HYPERLINK("http://evil.example","x")',
    "a\r\nSet-Cookie: x=1",
    "<!--",
    "&lt;script&gt;",
    "\u202egnp.exe",
    "</title><base href=//evil.example>",
)
