"""Handlers that only tests know; see `worker_app`."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from ground.refusals import Refusal
from jobs.handlers import JobContext, handler


class TestRefusal(Refusal):
    __test__ = False
    code = "tests.refused"
    kind = "conflict"
    title = "This test refuses."
    next_step = "Nothing."


def _note(ctx: JobContext, text: str) -> None:
    """One line for each run, in a file of the test's, appended atomically."""
    with Path(ctx.params["notes"]).open("a") as notes:
        notes.write(f"{ctx.kind} {ctx.job_id} {os.getpid()} {text}\n")


@handler("tests.note")
def note(ctx: JobContext) -> dict[str, Any]:
    _note(ctx, "ran")
    ctx.progress("noting", 1, 1, unit="notes")
    ctx.log("noted")
    return {"pid": os.getpid()}


@handler("tests.until-file")
def until_file(ctx: JobContext) -> dict[str, Any]:
    """Works until the test makes a file."""
    _note(ctx, "began")
    done = 0
    while not Path(ctx.params["until"]).exists():
        ctx.check()
        ctx.progress("waiting", done, 1_000_000)
        done += 1
        time.sleep(0.02)
    _note(ctx, "ended")
    return {"pid": os.getpid()}


@handler("tests.exclusive", exclusive="tests-group")
def exclusive(ctx: JobContext) -> dict[str, Any]:
    until_file(ctx)
    return {"pid": os.getpid()}


@handler("tests.refuse")
def refuse(ctx: JobContext) -> None:
    _note(ctx, "ran")
    raise TestRefusal(reason="asked to")


@handler("tests.fail", attempts=2)
def fail(ctx: JobContext) -> None:
    _note(ctx, f"attempt {ctx.attempt}")
    raise RuntimeError("a fault of ours")
