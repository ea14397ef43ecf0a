"""Job handlers of the content room; loaded by workers only."""

from __future__ import annotations

from typing import Any

from appliance.content.collection import KIND
from appliance.content.engine import collect
from jobs.handlers import JobContext, handler


@handler(KIND, exclusive="store")  # beside it nothing is taken in, backed up, restored or pruned
def collect_garbage(ctx: JobContext) -> dict[str, Any]:
    return collect.collect(ctx)
