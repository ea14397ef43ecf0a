"""Which addresses may be a desk's."""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from .errors import DeskAddressRefused

_LOOPBACK_NAMES: Final = frozenset({"localhost", "localhost.localdomain"})


def checked_address(url: str) -> str:
    """The base address, normalised: https anywhere, http only to this machine, nothing but host and port."""
    text = url.strip().rstrip("/")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise DeskAddressRefused(url=text[:200], reason="not an address") from error
    if not host or parts.username is not None or parts.query or parts.fragment or parts.path:
        raise DeskAddressRefused(url=text[:200], reason="scheme, host and port are all it has")
    if parts.scheme == "http" and not _is_loopback(host):
        raise DeskAddressRefused(url=text[:200], reason="plain http leaves this machine")
    if parts.scheme not in ("http", "https"):
        raise DeskAddressRefused(url=text[:200], reason="neither https nor http")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port is not None else "")


def _is_loopback(host: str) -> bool:
    if host in _LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
