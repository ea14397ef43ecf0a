"""The unit's content store, and what packs on targets are there for."""

from __future__ import annotations

from typing import Any

from cli.commands.backups import target_id
from cli.registry import NO_WAIT, Call, argument, command


@command("store show", "what lies in the content store and on targets, and how much of it is needed")
def show(call: Call) -> Any:
    return call.site.get("content-store")


@command(
    "store collect",
    "remove packs that nothing has needed for a grace, seal mostly dead ones anew",
    argument("--dry-run", action="store_true", help="change nothing, say what would be freed"),
    argument("--grace-days", type=int, default=7, help="how long a pack was dead before it goes"),
    argument(
        "--repack",
        choices=["auto", "always", "never"],
        default="auto",
        help="auto: where every target lets older packs go",
    ),
    argument("--rewrite-mib", type=int, default=2048, help="sealed anew in one run at most"),
    NO_WAIT,
)
def collect(call: Call) -> Any:
    options = call.options
    body = {
        "dry_run": options.dry_run,
        "grace_days": options.grace_days,
        "repack": options.repack,
        "rewrite_mib": options.rewrite_mib,
    }
    job = call.follow(call.site.post("content-store/collect", body), "collecting")
    return job.get("result") or job


@command("target use", "look what the packs on a target are there for", argument("target"), NO_WAIT)
def use(call: Call) -> Any:
    job = call.site.post(f"backup-targets/{target_id(call, call.options.target)}/use")
    found = call.follow(job, "looking at the target")
    return found.get("result") or found
