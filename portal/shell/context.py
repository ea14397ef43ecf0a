"""What every page's frame needs; computed only when a template reads it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpRequest

from portal.shell import site

THEMES = ("light", "dark")
THEME_COOKIE = "strongroom_theme"


@dataclass
class Shell:
    """The frame of a page: identity, navigation, running jobs, theme."""

    request: HttpRequest

    @property
    def theme(self) -> str:
        """The theme the user chose; empty: as the system has it."""
        chosen = self.request.COOKIES.get(THEME_COOKIE, "")
        return chosen if chosen in THEMES else ""

    @cached_property
    def roles(self) -> set[str]:
        user = getattr(self.request, "user", None)
        return set(user.roles) if user is not None and user.is_authenticated else set()

    @cached_property
    def identity(self) -> site.Identity:
        return site.current().identity(self.request)

    @cached_property
    def groups(self) -> list[dict[str, Any]]:
        counts = site.current().counts(self.request)
        shown = []
        for group in site.current().groups:
            items = [
                {"item": item, "count": counts.get(item.url_name)}
                for item in group.items
                if item.seen_by(self.roles)
            ]
            if items:
                shown.append({"label": group.label, "items": items})
        return shown

    @cached_property
    def running(self) -> list[Any]:
        from jobs.selectors import running_jobs_for

        return list(running_jobs_for(self.request.user))


def shell(request: HttpRequest) -> dict[str, Any]:
    return {"shell": Shell(request)}
