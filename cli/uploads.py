"""Sending a file by resumable upload (tus 1.0): creation, pieces, and going on where it broke off."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cli.client import Site
from cli.exits import CommandError, Exit

PIECE_BYTES = 16 << 20  # one PATCH; what is lost at most when the line breaks
TUS = {"Tus-Resumable": "1.0.0"}
OFFSET_CONTENT = "application/offset+octet-stream"


def file_digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def metadata(**values: str) -> str:
    """The Upload-Metadata header: names with base64 values."""
    return ",".join(
        f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in values.items() if value
    )


def create(site: Site, *, size: int, name: str, sha256: str = "") -> str:
    """Announce an upload; returns its address."""
    headers = {
        **TUS,
        "Upload-Length": str(size),
        "Upload-Metadata": metadata(name=name, filename=name, sha256=sha256),
    }
    answer = site.request("POST", "uploads", headers=headers)
    if "Location" not in answer.headers:
        raise CommandError("the site named no address for the upload", Exit.UNEXPECTED)
    return str(answer.headers["Location"])


def offset_of(site: Site, address: str) -> int:
    """How many bytes the site holds already."""
    return int(site.request("HEAD", address, headers=TUS).headers["Upload-Offset"])


def send(
    site: Site, address: str, path: Path, *, seen: Callable[[int, int], None] = lambda _done, _total: None
) -> None:
    """Send the file from where the site stands; safe to call again after a break."""
    total = path.stat().st_size
    done = offset_of(site, address)
    with path.open("rb") as content:
        content.seek(done)
        while done < total:
            piece = content.read(PIECE_BYTES)
            headers = {**TUS, "Upload-Offset": str(done), "Content-Type": OFFSET_CONTENT}
            answer = site.request("PATCH", address, headers=headers, content=piece)
            done = int(answer.headers["Upload-Offset"])
            seen(done, total)


def upload_image(
    site: Site,
    path: Path,
    *,
    name: str = "",
    address: str = "",
    seen: Callable[[int, int], None] = lambda _done, _total: None,
) -> Any:
    """Upload a disk image and make a virtual image of it; returns the site's answer.

    With the ``address`` of an upload that broke off, goes on from there.
    """
    digest = file_digest(path)
    called = name or path.stem
    address = address or create(site, size=path.stat().st_size, name=called, sha256=digest)
    send(site, address, path, seen=seen)
    upload = address.rstrip("/").rsplit("/", 1)[-1]
    return site.post("virtual-images", {"upload": upload, "name": called, "sha256": digest})
