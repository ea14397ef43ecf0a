"""Virtual images: sending them in, listing, removing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

from cli import uploads
from cli.registry import NO_WAIT, Call, argument, command, only

COLUMNS = ("name", "state", "size", "sha256", "id")


@command("image list", "virtual images", columns=COLUMNS)
def list_images(call: Call) -> Any:
    return list(call.site.each("virtual-images"))


@command(
    "image upload",
    "send a disk image in by resumable upload and seal it",
    argument("file", type=Path),
    argument("--name", help="default: the file's name without its ending"),
    argument("--resume", metavar="ADDRESS", help="go on with an upload that broke off"),
    NO_WAIT,
)
def upload(call: Call) -> Any:
    options = call.options
    with Progress(
        "{task.description}",
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        console=call.output.err,
        transient=True,
        disable=not call.output.err.is_terminal,
    ) as progress:
        task = progress.add_task(f"sending {options.file.name}", total=options.file.stat().st_size)
        made = uploads.upload_image(
            call.site,
            options.file,
            name=options.name or options.file.stem,
            address=options.resume or "",
            seen=lambda done, total: progress.update(task, completed=done, total=total),
        )
    job = made.get("job")
    if job:
        call.follow(job if isinstance(job, dict) else {"id": job}, "sealing")
    return call.site.get(f"virtual-images/{made['id']}")


@command("image remove", "remove a virtual image", argument("image", help="name or id"))
def remove(call: Call) -> Any:
    rows = [row for row in call.site.each("virtual-images") if call.options.image in {row["id"], row["name"]}]
    return call.site.delete(f"virtual-images/{only(rows, 'images')['id']}")
