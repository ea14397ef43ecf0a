"""The schedules' looks from the sweeper; loaded by workers only. The work itself is other rooms' jobs."""

from __future__ import annotations

import time

from appliance.schedules import watchdog
from appliance.schedules.engine import due
from jobs.sweeper import on_look

_watched_at = 0.0


@on_look
def look_at_schedules() -> None:
    due.look()


@on_look
def watch() -> None:
    """Once a minute: nothing the watchdog looks for is a matter of seconds."""
    global _watched_at
    if time.monotonic() - _watched_at >= watchdog.LOOK_EVERY or not _watched_at:
        _watched_at = time.monotonic()
        watchdog.look()
