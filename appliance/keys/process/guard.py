"""Verbs that guard the secrets: looking for them where they must not be, and destroying them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from appliance.keys.errors import RequestRefused
from sealing.scan import Needles, scan_paths

from .holder import Holder
from .verbs import Params, verb

MAX_PATHS = 4096


@verb("scan", locked=False)
def scan(holder: Holder, params: Params) -> dict[str, Any]:
    """Count every secret held, in every encoding, below the paths given. Counts by kind, nothing else.

    Runs beside other verbs: it takes what is held now and then needs the holder no more.
    """
    paths = [Path(text) for text in params.texts("paths", most=MAX_PATHS)]
    params.end()
    if not all(path.is_absolute() for path in paths):
        raise RequestRefused(parameter="paths", reason="not absolute")
    with holder.lock:
        holder.refuse_if_tampered()
        needles = Needles(holder.secrets_by_kind())
    # the root's own file holds the root by design; nothing else is left out
    report = scan_paths(needles, paths, exclude=[holder.files.root.path])
    return {"hits": report.hits, "files": report.files, "bytes": report.bytes, "skipped": report.skipped}


@verb("tamper")
def tamper(holder: Holder, params: Params) -> dict[str, Any]:
    """Latch, flush, destroy the root. Idempotent: whoever says it again is told it is so."""
    who, why = params.text("who"), params.text("why")
    params.end()
    if not holder.files.is_latched():
        text = json.dumps({"who": who, "why": why, "at": holder.now()}, sort_keys=True)
        holder.destroy(text)
    return {"state": holder.state}
