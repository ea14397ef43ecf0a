"""What a channel's settings may be: checked when they are taken in, without touching the network."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator

from appliance.notices.errors import BadChannel
from appliance.notices.models import CHOOSABLE, NoticeChannel
from ground import net

MAX_RECIPIENTS: Final = 20
MAX_URL: Final = 1000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a webhook goes."""

    scheme: str
    host: str
    port: int
    path: str  # with the query

    @property
    def authority(self) -> str:
        """Host and port as the Host header names them."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return shown if self.port == {"https": 443, "http": 80}[self.scheme] else f"{shown}:{self.port}"


def checked_settings(kind: str, settings: Mapping[str, Any], *, allow_private: bool) -> dict[str, Any]:
    """The settings as they are stored; `BadChannel` names what is wrong."""
    if kind == NoticeChannel.Kind.MAIL:
        return {"to": _recipients(_only(settings, "to"))}
    if kind == NoticeChannel.Kind.WEBHOOK:
        url = _only(settings, "url")
        place_of(url, allow_private=allow_private)
        return {"url": url}
    raise BadChannel(field="kind", why="mail or webhook")


def checked_events(events: Sequence[str]) -> list[str]:
    """The events in their order; at least one."""
    known = [str(event) for event in CHOOSABLE]
    if not events or any(event not in known for event in events):
        raise BadChannel(field="events", why=f"at least one of {', '.join(known)}")
    return [event for event in known if event in events]


def place_of(url: object, *, allow_private: bool) -> Place:
    """The address in parts. Plain http only where private addresses are allowed; no credentials in it, which
    logs would show. A literal address is judged at once, a name when it is called."""
    if (
        not isinstance(url, str)
        or len(url) > MAX_URL
        or not url.isascii()
        or not url.isprintable()
        or " " in url
    ):
        raise BadChannel(field="url", why="not an address")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise BadChannel(field="url", why="not an address") from error
    if parts.scheme != "https" and not (parts.scheme == "http" and allow_private):
        raise BadChannel(field="url", why="https is needed (http only within private networks)")
    if not host or parts.username is not None or parts.password is not None or parts.fragment or "\\" in url:
        raise BadChannel(field="url", why="scheme, host, port and path are all it has")
    if port == 0:
        raise BadChannel(field="url", why="no such port")
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        net.judge(literal, host=host, private=allow_private)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Place(parts.scheme, host, port or {"https": 443, "http": 80}[parts.scheme], path)


def _only(settings: Mapping[str, Any], name: str) -> Any:
    if set(settings) != {name}:
        raise BadChannel(field=name, why=f"{name} is its one setting")
    return settings[name]


def _recipients(given: object) -> list[str]:
    if not isinstance(given, list) or not 0 < len(given) <= MAX_RECIPIENTS:
        raise BadChannel(field="to", why=f"one to {MAX_RECIPIENTS} mail addresses")
    check = EmailValidator(allowlist=["localhost"])
    for address in given:
        try:
            check(address)
        except ValidationError as error:
            raise BadChannel(field="to", why="not a mail address", address=str(address)[:100]) from error
    return [str(address) for address in given]
