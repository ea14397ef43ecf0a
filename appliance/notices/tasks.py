"""Job handlers of the notices room, and its looks from the sweeper; loaded by workers only."""

from __future__ import annotations

from typing import Any

from appliance.notices import dispatch, watching
from appliance.notices.engine import deliver
from jobs.handlers import JobContext, handler
from jobs.sweeper import on_look


@handler(dispatch.KIND)
def deliver_notice(ctx: JobContext) -> dict[str, Any]:
    return deliver.deliver(ctx)


@on_look
def look_at_jobs() -> None:
    watching.look_at_jobs()


@on_look
def dispatch_notices() -> None:
    dispatch.dispatch()
