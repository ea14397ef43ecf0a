"""Backup images as single files, for a disk that is carried by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cli.commands.backups import IMAGE, image_id, target_id
from cli.exits import CommandError, Exit
from cli.registry import NO_WAIT, Call, argument, command

FILE = argument("file", help="a name from `carried list`")


@command("carried list", "files in the unit's directory for carried images",
         columns=("name", "size", "serial", "sequence", "epoch", "made_at", "problem"))  # fmt: skip
def carried(call: Call) -> Any:
    return call.site.get("carried-images")["files"]


@command(
    "carried export",
    "write a backup image into a single file in the unit's directory",
    IMAGE,
    argument("--name", help="of the file; default: serial and number"),
    NO_WAIT,
)
def export(call: Call) -> Any:
    body = {"name": call.options.name} if call.options.name else {}
    job = call.follow(call.site.post(f"backup-images/{image_id(call)}/export", body), "writing the file")
    return job.get("result") or job


@command(
    "carried download",
    "fetch a carried image; called again, it goes on where it stopped",
    FILE,
    argument("path", type=Path, nargs="?", help="default: its name, here"),
)
def download(call: Call) -> Any:
    path: Path = call.options.path or Path(call.options.file)
    rows = [row for row in call.site.get("carried-images")["files"] if row["name"] == call.options.file]
    if not rows:
        raise CommandError("no such file", Exit.MISSING, next_step="strongroom carried list")
    there = path.stat().st_size if path.exists() else 0
    if there < rows[0]["size"]:
        call.site.fetch(f"carried-images/{call.options.file}", path, start=there)
    return {"file": str(path), "size": path.stat().st_size}


@command("carried import", "check a carried image and take it in onto a target", FILE,
         argument("target"), NO_WAIT)  # fmt: skip
def take_in(call: Call) -> Any:
    target = target_id(call, call.options.target)
    job = call.site.post(f"backup-targets/{target}/import", {"file": call.options.file})
    done = call.follow(job, "taking the file in")
    return done.get("result") or done


@command("carried remove", "remove a carried image from the unit's directory; targets keep theirs", FILE)
def remove(call: Call) -> Any:
    return call.site.delete(f"carried-images/{call.options.file}")
