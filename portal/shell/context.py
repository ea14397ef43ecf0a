"""What every page's frame needs; computed only when a template reads it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from django.http import HttpRequest
from django.urls import reverse

from portal.shell import site
from portal.shell.request import PageRequest

THEMES = ("light", "dark")
THEME_COOKIE = "strongroom_theme"


@dataclass
class Shell:
    """The frame of a page: identity, navigation, running jobs, theme."""

    request: HttpRequest

    @property
    def page_request(self) -> PageRequest:
        """The request, where somebody is signed in: navigation and tray are shown to nobody else."""
        return cast(PageRequest, self.request)

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

    @property
    def door(self) -> str:
        return site.current().door()

    @cached_property
    def groups(self) -> list[dict[str, Any]]:
        counts = site.current().counts(self.page_request)
        here = self._here()
        shown = []
        for group in site.current().groups:
            items = [
                {"item": item, "count": counts.get(item.url_name), "here": item.url_name == here}
                for item in group.items
                if item.seen_by(self.roles)
            ]
            if items:
                shown.append({"label": group.label, "items": items})
        return shown

    def _here(self) -> str:
        """The entry this page belongs to: of those whose address begins this page's, the longest."""
        places = {
            item.url_name: reverse(item.url_name)
            for group in site.current().groups
            for item in group.items
            if item.seen_by(self.roles)
        }
        path = self.request.path
        fitting = [
            name
            for name, place in places.items()
            if path == place or (place != "/" and path.startswith(place))
        ]
        return max(fitting, key=lambda name: len(places[name]), default="")

    @cached_property
    def group(self) -> str:
        """The heading of the navigation under which this page stands."""
        return next(
            (group["label"] for group in self.groups for entry in group["items"] if entry["here"]), ""
        )

    @property
    def finder(self) -> str:
        """The page that takes a pasted text, for those who may go there; empty where there is none."""
        name = site.current().finder
        return reverse(name) if name and self._sees(name) else ""

    @cached_property
    def bell(self) -> dict[str, Any] | None:
        """The bell's number and its page; None for those who are told nothing."""
        count, name = site.current().unread(self.page_request), site.current().notices
        if count is None or not name:
            return None
        return {"count": "99+" if count > 99 else count, "url": reverse(name)}

    def _sees(self, name: str) -> bool:
        items = [item for group in site.current().groups for item in group.items]
        return any(item.url_name == name and item.seen_by(self.roles) for item in items)

    @cached_property
    def running(self) -> list[Any]:
        from jobs.selectors import running_jobs_for

        return list(running_jobs_for(self.page_request.user))


def shell(request: HttpRequest) -> dict[str, Any]:
    return {"shell": Shell(request)}
