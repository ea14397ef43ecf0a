"""Long work: listing, watching, cancelling, trying again."""

from __future__ import annotations

from typing import Any

from cli.registry import Call, argument, command

JOB = argument("job", help="the job's id")


@command("job list", "jobs, newest first", argument("--limit", type=int, default=30), columns=(
    "id", "kind", "state", "subject", "created_at"))  # fmt: skip
def list_jobs(call: Call) -> Any:
    return call.site.get("jobs", limit=call.options.limit)["results"]


@command("job show", "everything about a job", JOB)
def show(call: Call) -> Any:
    return call.site.get(f"jobs/{call.options.job}")


@command("job watch", "wait for a job with live progress", JOB)
def watch(call: Call) -> Any:
    return call.follow({"id": call.options.job}, "job")


@command("job cancel", "ask a job to stop", JOB)
def cancel(call: Call) -> Any:
    return call.site.post(f"jobs/{call.options.job}/cancel")


@command("job retry", "start a failed or cancelled job again", JOB)
def retry(call: Call) -> Any:
    return call.site.post(f"jobs/{call.options.job}/retry")
