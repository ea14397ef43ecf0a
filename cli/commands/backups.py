"""Targets and backup images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cli.exits import CommandError, Exit
from cli.registry import NO_WAIT, Call, argument, command, only

IMAGE_COLUMNS = (
    "sequence",
    "serial",
    "epoch",
    "state",
    "proof",
    "made_at",
    "verified_at",
    "stored_bytes",
    "id",
)
IMAGE = argument("image", help="id of the backup image, or `newest`")


def target_id(call: Call, wanted: str | None) -> str:
    """A target by name or id; the only one when nothing is said."""
    rows = list(call.site.each("backup-targets"))
    fitting = [row for row in rows if wanted in {None, row["id"], row["name"]}]
    return str(only(fitting, "targets")["id"])


def image_id(call: Call) -> str:
    if call.options.image != "newest":
        return str(call.options.image)
    rows = sorted(call.site.each("backup-images"), key=lambda row: row["made_at"])
    return str(only(rows[-1:], "backup images")["id"])


@command("target list", "backup targets", columns=("name", "kind", "state", "settings", "checked_at", "id"))
def targets(call: Call) -> Any:
    return list(call.site.each("backup-targets"))


@command("target add", "add a directory as a backup target", argument("name"), argument("path", type=Path))
def add_target(call: Call) -> Any:
    body = {
        "name": call.options.name,
        "kind": "directory",
        "settings": {"path": str(call.options.path.absolute())},
    }
    return call.site.post("backup-targets", body)


@command("target connect", "look at a target again and list its images", argument("target"), NO_WAIT)
def connect(call: Call) -> Any:
    job = call.site.post(f"backup-targets/{target_id(call, call.options.target)}/connect")
    return call.follow(job, "looking at the target")


@command(
    "backup start",
    "make a backup image",
    argument("--target"),
    argument("--dry-run", action="store_true", help="change nothing, say what would be sent"),
    NO_WAIT,
)
def start(call: Call) -> Any:
    body = {"target": target_id(call, call.options.target), "dry_run": call.options.dry_run}
    return call.follow(call.site.post("backup-images", body), "backup")


@command("backup list", "backup images on all targets", columns=IMAGE_COLUMNS)
def images(call: Call) -> Any:
    return list(call.site.each("backup-images"))


@command("backup show", "one backup image, from its signed header", IMAGE)
def show(call: Call) -> Any:
    return call.site.get(f"backup-images/{image_id(call)}")


@command("backup header", "the signed header of an image: what opens a ticket at the desk", IMAGE)
def header(call: Call) -> Any:
    return call.site.get(f"backup-images/{image_id(call)}/header")["header"]


@command(
    "backup verify",
    "check an image against its digests, or open every chunk",
    IMAGE,
    argument("--depth", choices=["digests", "full"], default="digests"),
    NO_WAIT,
)
def verify(call: Call) -> Any:
    job = call.site.post(f"backup-images/{image_id(call)}/verify", {"depth": call.options.depth})
    return call.follow(job, "verify")


@command("backup preview", "what a restore brings back, from the sealed manifest", IMAGE, NO_WAIT)
def preview(call: Call) -> Any:
    job = call.follow(call.site.post(f"backup-images/{image_id(call)}/preview"), "preview")
    return job.get("result") or job


@command(
    "backup restore",
    "restore an image onto this unit",
    IMAGE,
    argument("--accept-rolled-back", action="store_true", help="from a target that lacks newer images"),
    NO_WAIT,
)
def restore(call: Call) -> Any:
    body = {"accept_rolled_back": call.options.accept_rolled_back}
    job = call.site.post(f"backup-images/{image_id(call)}/restore", body)
    try:
        return call.follow(job, "restore")
    except CommandError as error:
        if error.exit_code is not Exit.SIGN_IN:
            raise
        call.output.note("the restored accounts hold here now: sign in with one of them")
        return {"restore": "switched", "job": job["id"]}
