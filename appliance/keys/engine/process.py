"""This site's key process."""

from __future__ import annotations

from appliance.keys.client import KeyProcess
from config.site import site


def key_process() -> KeyProcess:
    """The client of the key process of this site."""
    return KeyProcess(site().keys_socket)
